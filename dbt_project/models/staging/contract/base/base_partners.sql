with source as (
    select * from {{ raw_relation('partners') }}
),

typed as (
    select
        {{ id_text('program_id') }} as program_id,
        {{ id_text('partner_id') }} as partner_id,
        cast(name as {{ dbt.type_string() }}) as name,
        cast(language as {{ dbt.type_string() }}) as language,
        {{ json_object(['program_id', 'partner_id', 'name', 'language']) }} as loaded_row
    from source
),

judged as (
    select
        *,
        case
            when program_id is null then 'program_id is null or has lost digits'
            when partner_id is null then 'partner_id is null or has lost digits'
            when name is null then 'name is null'
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
        {{ repetition(['judged.program_id', 'judged.partner_id']) }} as repetition
    from judged
    inner join repeated_keys
        on
            judged.program_id = repeated_keys.program_id
            and judged.partner_id = repeated_keys.partner_id
    where judged.own_reason is null
),

base_partners as (
    select
        judged.*,
        judged.own_reason as quarantine_reason
    from judged
    left join repeated_keys
        on
            judged.program_id = repeated_keys.program_id
            and judged.partner_id = repeated_keys.partner_id
    where judged.own_reason is not null or repeated_keys.program_id is null

    union all

    select *
    from repeated
)

select * from base_partners
