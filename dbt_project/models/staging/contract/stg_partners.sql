with source as (
    select * from {{ raw_relation('partners') }}
),

stg_partners as (
    select
        {{ id_text('program_id') }} as program_id,
        {{ id_text('partner_id') }} as partner_id,
        cast(name as {{ dbt.type_string() }}) as name,
        cast(language as {{ dbt.type_string() }}) as language
    from source
)

select * from stg_partners
