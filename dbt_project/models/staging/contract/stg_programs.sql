-- No statement can use a program without a valid time zone; flows/warehouse/programs.py holds its workflows.

with source as (
    select * from {{ source('raw', 'programs') }}
),

typed as (
    select
        {{ id_text('program_id') }} as program_id,
        cast(name as {{ dbt.type_string() }}) as name,
        cast(program_type as {{ dbt.type_string() }}) as program_type,
        cast(timezone as {{ dbt.type_string() }}) as timezone,
        cast(currency as {{ dbt.type_string() }}) as currency
    from source
),

stg_programs as (
    select *
    from typed
    where {{ is_time_zone('timezone') }}
)

select * from stg_programs
