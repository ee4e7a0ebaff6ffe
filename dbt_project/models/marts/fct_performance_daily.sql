{{
    config(
        materialized='incremental',
        incremental_strategy='merge',
        unique_key=['program_id', 'partner_id', 'activity_date'],
        on_schema_change='fail',
        post_hook="delete from {{ this }} where clicks = 0 and actions = 0",
    )
}}

-- A build computes the partners of int_changed_partners anew and leaves the others as they are. A day of theirs that is
-- held and has no rows any more comes out as 0, and is deleted at the end of the same transaction.
-- depends_on: {{ ref('int_changed_partners') }}

with clicks as (
    select * from {{ ref('stg_partner_clicks_daily') }}
),

counted_actions as (
    select * from {{ ref('int_counted_actions') }}
),

-- Clicks and actions one below the other and summed once: neither side can multiply the other.
activity as (
    select program_id, partner_id, click_date as activity_date, clicks, 0 as actions, 0 as revenue
    from clicks

    union all

    select program_id, partner_id, activity_date, 0, 1, amount
    from counted_actions
    {% if is_incremental() %}

    union all

    select program_id, partner_id, activity_date, 0, 0, 0
    from {{ this }}
    {% endif %}
),

{% if is_incremental() %}

changed_partners as (
    select * from {{ ref('int_changed_partners') }}
),

changed_activity as (
    select *
    from activity
    where exists (
        select 1
        from changed_partners
        where
            changed_partners.program_id = activity.program_id
            and changed_partners.partner_id = activity.partner_id
    )
),

{% endif %}

fct_performance_daily as (
    select
        program_id,
        partner_id,
        activity_date,
        cast(sum(clicks) as bigint) as clicks,
        cast(sum(actions) as bigint) as actions,
        cast(sum(revenue) as decimal(28, 8)) as revenue
    {% if is_incremental() %}
    from changed_activity
    group by program_id, partner_id, activity_date
    {% else %}
    from activity
    group by program_id, partner_id, activity_date
    having sum(clicks) <> 0 or sum(actions) <> 0
    {% endif %}
)

select * from fct_performance_daily
