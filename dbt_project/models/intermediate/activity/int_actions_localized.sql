{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ delete_changed_partners(ref('int_changed_partners')) }}",
    )
}}

-- To date an action is dear, so it is done once: a build dates the actions of the partners of int_changed_partners and
-- leaves the others as they are. They are joined: over a view that joins, `exists` takes DuckDB three times as long.
-- depends_on: {{ ref('int_changed_partners') }}

with undated_actions as (
    select * from {{ ref('int_actions_filtered') }}
),

int_actions_localized as (
    select
        undated_actions.program_id,
        undated_actions.action_id,
        undated_actions.partner_id,
        undated_actions.event_at,
        {{ local_date('undated_actions.event_at', 'undated_actions.timezone') }} as activity_date,
        undated_actions.timezone,
        undated_actions.amount
    from undated_actions
    {% if is_incremental() %}
    inner join {{ ref('int_changed_partners') }} as changed_partners
        on
            undated_actions.program_id = changed_partners.program_id
            and undated_actions.partner_id = changed_partners.partner_id
    {% endif %}
)

select * from int_actions_localized
