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

marked as (
    {{ mark_repeats('judged', key=['program_id']) }}
),

base_programs as (
    select
        program_id,
        name,
        program_type,
        timezone,
        currency,
        loaded_row,
        quarantine_reason
    from marked
)

select * from base_programs
