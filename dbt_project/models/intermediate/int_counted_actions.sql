{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ forget_partners(ref('int_changed_partners')) }}",
    )
}}

-- To date an action is dear, so it is done once: a build dates the actions of the partners of int_changed_partners and
-- leaves the others as they are.
-- depends_on: {{ ref('int_changed_partners') }}

with undated_actions as (
    select * from {{ ref('int_undated_actions') }}
),

int_counted_actions as (
    select
        program_id,
        action_id,
        partner_id,
        event_at,
        {{ local_date('event_at', 'timezone') }} as activity_date,
        timezone,
        amount
    from undated_actions
    {% if is_incremental() %}
    where {{ is_of(ref('int_changed_partners'), 'undated_actions') }}
    {% endif %}
)

select * from int_counted_actions
