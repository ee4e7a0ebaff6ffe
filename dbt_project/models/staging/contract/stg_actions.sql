with loaded as (
    select * from {{ ref('base_actions') }}
),

stg_actions as (
    select
        program_id,
        action_id,
        partner_id,
        event_at,
        state,
        amount,
        currency,
        updated_at
    from loaded
    where quarantine_reason is null
)

select * from stg_actions
