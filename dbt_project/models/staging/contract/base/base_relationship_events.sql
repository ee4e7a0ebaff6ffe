with source as (
    select * from {{ source('raw', 'relationship_events') }}
),

typed as (
    select
        {{ id_text('program_id') }} as program_id,
        {{ id_text('partner_id') }} as partner_id,
        {{ try_cast('transitioned_at', dbt.type_timestamp()) }} as transitioned_at,
        cast(relationship_stage as {{ dbt.type_string() }}) as relationship_stage,
        cast(_loaded_at as {{ dbt.type_timestamp() }}) as loaded_at,
        {{ json_object(['program_id', 'partner_id', 'transitioned_at', 'relationship_stage']) }} as loaded_row,
        {{ unreadable_column({
            'transitioned_at': dbt.type_timestamp()
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
            when transitioned_at is null then 'transitioned_at is null'
            when relationship_stage is null then 'relationship_stage is null'
            when
                relationship_stage not in (
                    'None', 'New', 'Outreach', 'Negotiating', 'Joined', 'Expired'
                )
                then 'relationship_stage is not a relationship stage'
        end as own_reason
    from typed
),

marked as (
    {{ mark_repeats('judged', key=['program_id', 'partner_id', 'transitioned_at'], order_by='loaded_at') }}
),

base_relationship_events as (
    select
        program_id,
        partner_id,
        transitioned_at,
        relationship_stage,
        loaded_at,
        loaded_row,
        quarantine_reason
    from marked
)

select * from base_relationship_events
