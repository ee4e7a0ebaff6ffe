with members as (
    select * from {{ ref('segment_membership') }}
),

workflows as (
    select * from {{ ref('segment_workflows') }}
),

addresses as (
    select * from {{ ref('int_partner_addresses') }}
),

-- Whoever is in the ledger for this workflow is contacted, for ever, in whatever state and at whatever address.
contacted as (
    select distinct workflow_id, program_id, partner_id
    from {{ ref('stg_sent_emails') }}
),

-- Those of all workflows are in int_partner_addresses.
suppressed as (
    select email, scope from {{ ref('stg_suppressions') }}
),

segment_addresses as (
    select
        members.workflow_id,
        members.program_id,
        members.partner_id,
        members.evaluated_at,
        addresses.email,
        addresses.first_name,
        addresses.last_name,
        coalesce(addresses.is_unsubscribed, false) or suppressed.email is not null as is_unsubscribed,
        contacted.partner_id is not null as is_contacted
    from members
    inner join workflows on members.workflow_id = workflows.workflow_id
    left join addresses
        on
            members.program_id = addresses.program_id
            and members.partner_id = addresses.partner_id
            and workflows.action = 'email'
            and (workflows.recipients = 'all' or addresses.is_primary)
    left join suppressed
        on
            addresses.email = suppressed.email
            and members.workflow_id = suppressed.scope
    left join contacted
        on
            members.workflow_id = contacted.workflow_id
            and members.program_id = contacted.program_id
            and members.partner_id = contacted.partner_id
)

select * from segment_addresses
