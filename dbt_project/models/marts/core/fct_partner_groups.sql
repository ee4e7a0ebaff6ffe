with partner_groups as (
    select * from {{ ref('stg_partner_groups') }}
),

fct_partner_groups as (
    select program_id, group_id, partner_id, group_name
    from partner_groups
)

select * from fct_partner_groups
