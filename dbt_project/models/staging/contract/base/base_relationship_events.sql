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

repeated_keys as (
    select program_id, partner_id, transitioned_at
    from judged
    where own_reason is null
    group by program_id, partner_id, transitioned_at
    having count(*) > 1
),

-- Of equal rows one is used; of several rows with one key that differ, none.
repeated as (
    select
        judged.*,
        {{ repetition(
            ['judged.program_id', 'judged.partner_id', 'judged.transitioned_at'], order_by='judged.loaded_at'
        ) }} as repetition
    from judged
    inner join repeated_keys
        on
            judged.program_id = repeated_keys.program_id
            and judged.partner_id = repeated_keys.partner_id
            and judged.transitioned_at = repeated_keys.transitioned_at
    where judged.own_reason is null
),

base_relationship_events as (
    select
        judged.program_id,
        judged.partner_id,
        judged.transitioned_at,
        judged.relationship_stage,
        judged.loaded_at,
        judged.loaded_row,
        judged.own_reason as quarantine_reason
    from judged
    left join repeated_keys
        on
            judged.program_id = repeated_keys.program_id
            and judged.partner_id = repeated_keys.partner_id
            and judged.transitioned_at = repeated_keys.transitioned_at
    where judged.own_reason is not null or repeated_keys.program_id is null

    union all

    select program_id, partner_id, transitioned_at, relationship_stage, loaded_at, loaded_row, repetition
    from repeated
)

select * from base_relationship_events
