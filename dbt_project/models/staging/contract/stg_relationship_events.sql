with loaded as (
    select * from {{ ref('base_relationship_events') }}
),

stg_relationship_events as (
    select
        program_id,
        partner_id,
        transitioned_at,
        relationship_stage,
        loaded_at
    from loaded
    where quarantine_reason is null
)

select * from stg_relationship_events
