with loaded as (
    select * from {{ ref('base_partner_groups') }}
),

stg_partner_groups as (
    select
        program_id,
        group_id,
        partner_id,
        group_name
    from loaded
    where quarantine_reason is null
)

select * from stg_partner_groups
