with usable as (
    select * from {{ ref('stg_programs') }}
),

programs as (
    select
        program_id,
        name,
        program_type,
        timezone,
        currency
    from usable
)

select * from programs
