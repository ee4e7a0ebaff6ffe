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

marked as (
    {{ mark_repeats('judged', key=['program_id', 'partner_id'], order_by='loaded_at') }}
),

base_prospects as (
    select
        program_id,
        partner_id,
        tagged_at,
        loaded_at,
        loaded_row,
        quarantine_reason
    from marked
)

select * from base_prospects
