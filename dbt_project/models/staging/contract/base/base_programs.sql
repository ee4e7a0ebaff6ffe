with source as (
    select * from {{ source('raw', 'programs') }}
),

typed as (
    select
        {{ id_text('program_id') }} as program_id,
        cast(name as {{ dbt.type_string() }}) as name,
        cast(program_type as {{ dbt.type_string() }}) as program_type,
        cast(timezone as {{ dbt.type_string() }}) as timezone,
        cast(currency as {{ dbt.type_string() }}) as currency,
        {{ json_object(['program_id', 'name', 'program_type', 'timezone', 'currency']) }} as loaded_row
    from source
),

judged as (
    select
        *,
        case
            when program_id is null then 'program_id is null or has lost digits'
            when timezone is null then 'timezone is null'
            when not {{ is_time_zone('timezone') }} then 'timezone is not a valid time zone'
        end as own_reason
    from typed
),

repeated_keys as (
    select program_id
    from judged
    where own_reason is null
    group by program_id
    having count(*) > 1
),

-- Of equal rows one is used; of several rows with one key that differ, none.
repeated as (
    select
        judged.*,
        {{ repetition(['judged.program_id']) }} as repetition
    from judged
    inner join repeated_keys on judged.program_id = repeated_keys.program_id
    where judged.own_reason is null
),

base_programs as (
    select
        judged.program_id,
        judged.name,
        judged.program_type,
        judged.timezone,
        judged.currency,
        judged.loaded_row,
        judged.own_reason as quarantine_reason
    from judged
    left join repeated_keys on judged.program_id = repeated_keys.program_id
    where judged.own_reason is not null or repeated_keys.program_id is null

    union all

    select program_id, name, program_type, timezone, currency, loaded_row, repetition
    from repeated
)

select * from base_programs
