with loaded as (
    select * from {{ ref('base_programs') }}
),

stg_programs as (
    select
        program_id,
        name,
        program_type,
        timezone,
        currency
    from loaded
    where quarantine_reason is null
)

select * from stg_programs
