{{
    config(
        materialized='incremental',
        incremental_strategy=replacement_strategy(),
        on_schema_change='fail',
        pre_hook="{{ delete_changed_partners(ref('int_partner_activity_checksums')) }}",
    )
}}

-- A build computes the rows of changed partners and keeps those of the others.
-- depends_on: {{ ref('int_partner_activity_checksums') }}
-- depends_on: {{ ref('int_changed_partners') }}

with clicks as (
    select * from {{ ref('stg_partner_clicks_daily') }}
),

duplicates as (
    select * from {{ ref('int_duplicate_clicks') }}
),

counted_clicks as (
    select clicks.program_id, clicks.partner_id, clicks.click_date, clicks.clicks
    from clicks
    left join duplicates
        on
            clicks.program_id = duplicates.program_id
            and clicks.partner_id = duplicates.partner_id
            and clicks.click_date = duplicates.click_date
    where duplicates.click_date is null

    union all

    select distinct clicks.program_id, clicks.partner_id, clicks.click_date, clicks.clicks
    from clicks
    inner join duplicates
        on
            clicks.program_id = duplicates.program_id
            and clicks.partner_id = duplicates.partner_id
            and clicks.click_date = duplicates.click_date
    where duplicates.is_copied
),

localized_actions as (
    select * from {{ ref('int_actions_localized') }}
),

-- A union rather than a join, because a join of clicks and actions would multiply their rows.
activity as (
    select program_id, partner_id, click_date as activity_date, clicks, 0 as actions, 0 as revenue
    from counted_clicks
    {% if is_incremental() %}
    where {{ exists_for_partner(ref('int_changed_partners'), 'counted_clicks') }}
    {% endif %}

    union all

    select program_id, partner_id, activity_date, 0, 1, amount
    from localized_actions
    {% if is_incremental() %}
    where {{ exists_for_partner(ref('int_changed_partners'), 'localized_actions') }}
    {% endif %}
),

fct_performance_daily as (
    select
        program_id,
        partner_id,
        activity_date,
        cast(sum(clicks) as bigint) as clicks,
        cast(sum(actions) as bigint) as actions,
        cast(sum(revenue) as {{ type_amount() }}) as revenue
    from activity
    group by program_id, partner_id, activity_date
    having sum(clicks) <> 0 or sum(actions) <> 0
)

select * from fct_performance_daily
