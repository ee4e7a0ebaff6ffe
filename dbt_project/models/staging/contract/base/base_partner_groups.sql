with source as (
    select * from {{ raw_relation('partner_groups') }}
),

typed as (
    select
        {{ id_text('program_id') }} as program_id,
        {{ id_text('group_id') }} as group_id,
        {{ id_text('partner_id') }} as partner_id,
        cast(group_name as {{ dbt.type_string() }}) as group_name,
        {{ json_object(['program_id', 'group_id', 'partner_id', 'group_name']) }} as loaded_row
    from source
),

judged as (
    select
        *,
        case
            when program_id is null then 'program_id is null or has lost digits'
            when group_id is null then 'group_id is null or has lost digits'
            when partner_id is null then 'partner_id is null or has lost digits'
        end as own_reason
    from typed
),

marked as (
    {{ mark_repeats('judged', key=['program_id', 'group_id', 'partner_id']) }}
),

base_partner_groups as (
    select
        program_id,
        group_id,
        partner_id,
        group_name,
        loaded_row,
        quarantine_reason
    from marked
)

select * from base_partner_groups
