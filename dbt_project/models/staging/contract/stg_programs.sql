with source as (
    select * from {{ source('raw', 'programs') }}
),

stg_programs as (
    select
        {{ id_text('program_id') }} as program_id,
        cast(name as {{ dbt.type_string() }}) as name,
        cast(program_type as {{ dbt.type_string() }}) as program_type,
        cast(timezone as {{ dbt.type_string() }}) as timezone,
        cast(currency as {{ dbt.type_string() }}) as currency
    from source
)

select * from stg_programs
