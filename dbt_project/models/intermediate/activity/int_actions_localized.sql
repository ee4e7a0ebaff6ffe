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

duplicates as (
    select * from {{ ref('int_duplicate_actions') }}
),

-- An id of several partners counts for each of them: whose it is, is not known, and they are held.
counted_actions as (
    select filtered_actions.*
    from filtered_actions
    left join duplicates
        on
            filtered_actions.program_id = duplicates.program_id
            and filtered_actions.action_id = duplicates.action_id
            and filtered_actions.partner_id = duplicates.partner_id
    where duplicates.action_id is null

    union all

    select distinct filtered_actions.*
    from filtered_actions
    inner join duplicates
        on
            filtered_actions.program_id = duplicates.program_id
            and filtered_actions.action_id = duplicates.action_id
            and filtered_actions.partner_id = duplicates.partner_id
    where duplicates.is_counted
),

int_actions_localized as (
    select
        counted_actions.program_id,
        counted_actions.action_id,
        counted_actions.partner_id,
        counted_actions.event_at,
        {{ local_date('counted_actions.event_at', 'counted_actions.timezone') }} as activity_date,
        counted_actions.timezone,
        counted_actions.amount
    from counted_actions
    {% if is_incremental() %}
    inner join {{ ref('int_changed_partners') }} as changed_partners
        on
            counted_actions.program_id = changed_partners.program_id
            and counted_actions.partner_id = changed_partners.partner_id
    {% endif %}
)

select * from int_actions_localized
