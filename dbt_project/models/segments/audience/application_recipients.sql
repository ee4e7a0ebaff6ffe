with applications as (
    select * from {{ ref('segment_applications') }}
),

members as (
    select * from {{ ref('segment_membership') }}
),

-- An application with any delivery of this workflow counts as decided for good, whatever the state of the delivery.
decided as (
    select distinct workflow_id, program_id, partner_id, contract_id
    from {{ ref('stg_sent_emails') }}
    where contract_id is not null
),

held as (
    select * from {{ ref('held_partners') }}
),

application_recipients as (
    select
        applications.workflow_id,
        applications.program_id,
        applications.partner_id,
        applications.contract_id,
        applications.evaluated_at
    from applications
    inner join members
        on
            applications.workflow_id = members.workflow_id
            and applications.program_id = members.program_id
            and applications.partner_id = members.partner_id
            and applications.evaluated_at = members.evaluated_at
    left join decided
        on
            applications.workflow_id = decided.workflow_id
            and applications.program_id = decided.program_id
            and applications.partner_id = decided.partner_id
            and applications.contract_id = decided.contract_id
    left join held
        on
            applications.workflow_id = held.workflow_id
            and applications.program_id = held.program_id
            and applications.partner_id = held.partner_id
    where decided.contract_id is null and held.partner_id is null
)

select * from application_recipients
