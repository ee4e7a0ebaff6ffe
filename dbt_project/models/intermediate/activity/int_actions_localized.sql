{{
    config(
        materialized='incremental',
        incremental_strategy=replacement_strategy(),
        on_schema_change='fail',
        pre_hook="{{ delete_changed_partners(ref('int_partner_activity_checksums')) }}",
    )
}}

-- Converting timestamps to local dates is expensive, so a build converts only the actions of changed partners. The
-- partners are joined, because `exists` takes DuckDB three times as long on a view with a join.
-- depends_on: {{ ref('int_partner_activity_checksums') }}
-- depends_on: {{ ref('int_changed_partners') }}

with filtered_actions as (
    select * from {{ ref('int_actions_filtered') }}
),

int_actions_localized as (
    select
        filtered_actions.program_id,
        filtered_actions.action_id,
        filtered_actions.partner_id,
        filtered_actions.event_at,
        {{ local_date('filtered_actions.event_at', 'filtered_actions.timezone') }} as activity_date,
        filtered_actions.timezone,
        filtered_actions.amount
    from filtered_actions
    {% if is_incremental() %}
    inner join {{ ref('int_changed_partners') }} as changed_partners
        on
            filtered_actions.program_id = changed_partners.program_id
            and filtered_actions.partner_id = changed_partners.partner_id
    {% endif %}
)

select * from int_actions_localized
