with source as (
    select * from {{ raw_relation('partners') }}
),

stg_partners as (
    select
        cast(program_id as {{ dbt.type_string() }}) as program_id,
        cast(partner_id as {{ dbt.type_string() }}) as partner_id,
        cast(name as {{ dbt.type_string() }}) as name,
        cast(language as {{ dbt.type_string() }}) as language
    from source
)

select * from stg_partners
