with source as (
    select * from {{ source('raw', 'relationship_events') }}
),

stg_relationship_events as (
    select
        {{ id_text('program_id') }} as program_id,
        {{ id_text('partner_id') }} as partner_id,
        cast(transitioned_at as {{ dbt.type_timestamp() }}) as transitioned_at,
        cast(relationship_stage as {{ dbt.type_string() }}) as relationship_stage,
        cast(_loaded_at as {{ dbt.type_timestamp() }}) as loaded_at
    from source
)

select * from stg_relationship_events
