with applications as (
    select * from {{ ref('segment_applications') }}
),

members as (
    select * from {{ ref('segment_addresses') }}
),

-- A workflow accepts one application per partner and hour: of several that wait, the first by id.
application_recipients as (
    select
        members.workflow_id,
        members.program_id,
        members.partner_id,
        min({{ collate_binary('applications.contract_id') }}) as contract_id,
        members.evaluated_at
    from members
    inner join applications
        on
            members.workflow_id = applications.workflow_id
            and members.program_id = applications.program_id
            and members.partner_id = applications.partner_id
            and members.evaluated_at = applications.evaluated_at
    where not members.is_contacted
    group by members.workflow_id, members.program_id, members.partner_id, members.evaluated_at
)

select * from application_recipients
