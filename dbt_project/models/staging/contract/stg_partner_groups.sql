with source as (
    select * from {{ raw_relation('partner_groups') }}
),

stg_partner_groups as (
    select
        {{ id_text('program_id') }} as program_id,
        {{ id_text('group_id') }} as group_id,
        {{ id_text('partner_id') }} as partner_id,
        cast(group_name as {{ dbt.type_string() }}) as group_name
    from source
)

select * from stg_partner_groups
