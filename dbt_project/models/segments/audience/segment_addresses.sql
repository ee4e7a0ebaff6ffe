with members as (
    select * from {{ ref('segment_membership') }}
),

workflows as (
    select * from {{ ref('segment_workflows') }}
),

addresses as (
    select * from {{ ref('int_partner_addresses') }}
),

-- A partner with any delivery of this workflow counts as contacted for good, whatever its state and address, unless it
-- failed before its first byte left. By program too: a partner id may exist in two programs, and a workflow's program
-- may be edited.
contacted as (
    select distinct workflow_id, program_id, partner_id
    from {{ ref('stg_sent_emails') }}
    where not failed_before_sending
),

-- A partner with an application that is still to be accepted does not count as contacted by an application workflow.
applying as (
    select distinct workflow_id, program_id, partner_id, evaluated_at
    from {{ ref('application_recipients') }}
),

held as (
    select * from {{ ref('held_partners') }}
),

-- Suppressions of all workflows are already in int_partner_addresses.
suppressed as (
    select email, scope from {{ ref('stg_suppressions') }}
),

-- Joined by keys alone, and narrowed afterwards: with a condition on one side, or with "or", in an outer join, an
-- engine compares every member with every address.
addressed as (
    select
        members.workflow_id,
        members.evaluated_at,
        addresses.program_id,
        addresses.partner_id,
        addresses.email,
        addresses.first_name,
        addresses.last_name,
        addresses.is_unsubscribed
    from members
    inner join workflows on members.workflow_id = workflows.workflow_id
    inner join addresses
        on
            members.program_id = addresses.program_id
            and members.partner_id = addresses.partner_id
    where workflows.action = 'email' and (workflows.recipients = 'all' or addresses.is_primary)
),

segment_addresses as (
    select
        members.workflow_id,
        members.program_id,
        members.partner_id,
        members.evaluated_at,
        addressed.email,
        addressed.first_name,
        addressed.last_name,
        coalesce(addressed.is_unsubscribed, false) or suppressed.email is not null as is_unsubscribed,
        contacted.partner_id is not null and applying.partner_id is null as is_contacted,
        held.partner_id is not null as is_held
    from members
    left join addressed
        on
            members.workflow_id = addressed.workflow_id
            and members.evaluated_at = addressed.evaluated_at
            and members.program_id = addressed.program_id
            and members.partner_id = addressed.partner_id
    left join suppressed
        on
            addressed.email = suppressed.email
            and members.workflow_id = suppressed.scope
    left join contacted
        on
            members.workflow_id = contacted.workflow_id
            and members.program_id = contacted.program_id
            and members.partner_id = contacted.partner_id
    left join held
        on
            members.workflow_id = held.workflow_id
            and members.program_id = held.program_id
            and members.partner_id = held.partner_id
    left join applying
        on
            members.workflow_id = applying.workflow_id
            and members.evaluated_at = applying.evaluated_at
            and members.program_id = applying.program_id
            and members.partner_id = applying.partner_id
)

select * from segment_addresses
