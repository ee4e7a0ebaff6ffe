with addresses as (
    select * from {{ ref('segment_addresses') }}
),

workflows as (
    select * from {{ ref('segment_workflows') }}
),

partners as (
    select
        addresses.workflow_id,
        addresses.program_id,
        addresses.partner_id,
        addresses.evaluated_at,
        addresses.is_held,
        workflows.action,
        count(addresses.email) as known_addresses,
        sum(case when addresses.email is not null and not addresses.is_unsubscribed then 1 else 0 end)
            as open_addresses
    from addresses
    inner join workflows on addresses.workflow_id = workflows.workflow_id
    where not addresses.is_contacted
    group by
        addresses.workflow_id,
        addresses.program_id,
        addresses.partner_id,
        addresses.evaluated_at,
        addresses.is_held,
        workflows.action
),

skipped_members as (
    select
        workflow_id,
        program_id,
        partner_id,
        evaluated_at,
        case
            when is_held then 'held for rows set aside'
            when known_addresses = 0 then 'no address'
            else 'unsubscribed or suppressed'
        end as reason
    from partners
    where is_held or (action = 'email' and open_addresses = 0)
)

select * from skipped_members
