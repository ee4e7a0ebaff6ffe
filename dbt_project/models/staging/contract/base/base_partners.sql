with source as (
    select * from {{ raw_relation('partners') }}
),

typed as (
    select
        {{ id_text('program_id') }} as program_id,
        {{ id_text('partner_id') }} as partner_id,
        cast(name as {{ dbt.type_string() }}) as name,
        cast({{ column_name('language') }} as {{ dbt.type_string() }}) as language,
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

base_partners as (
    {{ mark_repeats('judged', key=['program_id', 'partner_id']) }}
)

select * from base_partners
