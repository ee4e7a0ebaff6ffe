with source as (
    select * from {{ source('raw', 'prospects') }}
),

typed as (
    select
        {{ id_text('program_id') }} as program_id,
        {{ id_text('partner_id') }} as partner_id,
        {{ try_cast('tagged_at', dbt.type_timestamp()) }} as tagged_at,
        cast(_loaded_at as {{ dbt.type_timestamp() }}) as loaded_at,
        {{ json_object(['program_id', 'partner_id', 'tagged_at']) }} as loaded_row,
        {{ unreadable_column({
            'tagged_at': dbt.type_timestamp()
        }) }} as unreadable_column
    from source
),

judged as (
    select
        *,
        case
            when unreadable_column is not null then unreadable_column || ' cannot be read'
            when program_id is null then 'program_id is null or has lost digits'
            when partner_id is null then 'partner_id is null or has lost digits'
            when tagged_at is null then 'tagged_at is null'
        end as own_reason
    from typed
),

repeated_keys as (
    select program_id, partner_id
    from judged
    where own_reason is null
    group by program_id, partner_id
    having count(*) > 1
),

-- Of equal rows one is used; of several rows with one key that differ, none.
repeated as (
    select
        judged.*,
        {{ repetition(['judged.program_id', 'judged.partner_id'], order_by='judged.loaded_at') }} as repetition
    from judged
    inner join repeated_keys
        on
            judged.program_id = repeated_keys.program_id
            and judged.partner_id = repeated_keys.partner_id
    where judged.own_reason is null
),

base_prospects as (
    select
        judged.program_id,
        judged.partner_id,
        judged.tagged_at,
        judged.loaded_at,
        judged.loaded_row,
        judged.own_reason as quarantine_reason
    from judged
    left join repeated_keys
        on
            judged.program_id = repeated_keys.program_id
            and judged.partner_id = repeated_keys.partner_id
    where judged.own_reason is not null or repeated_keys.program_id is null

    union all

    select program_id, partner_id, tagged_at, loaded_at, loaded_row, repetition
    from repeated
)

select * from base_prospects
