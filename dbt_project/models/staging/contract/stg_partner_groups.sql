with source as (
    select * from {{ raw_relation('partner_groups') }}
),

stg_partner_groups as (
    select
        cast(program_id as {{ dbt.type_string() }}) as program_id,
        cast(group_id as {{ dbt.type_string() }}) as group_id,
        cast(partner_id as {{ dbt.type_string() }}) as partner_id,
        cast(group_name as {{ dbt.type_string() }}) as group_name
    from source
)

select * from stg_partner_groups
