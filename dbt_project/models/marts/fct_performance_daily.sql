with clicks as (
    select * from {{ ref('stg_partner_clicks_daily') }}
),

counted_actions as (
    select * from {{ ref('int_counted_actions') }}
),

-- Aggregate first, join after: neither side can multiply the other.
daily_clicks as (
    select program_id, partner_id, click_date as activity_date, sum(clicks) as clicks, 0 as actions, 0 as revenue
    from clicks
    group by program_id, partner_id, click_date
),

daily_actions as (
    select
        program_id, partner_id, activity_date, 0 as clicks, count(*) as actions, sum(amount) as revenue
    from counted_actions
    group by program_id, partner_id, activity_date
),

both_kinds as (
    select * from daily_clicks
    union all
    select * from daily_actions
),

fct_performance_daily as (
    select
        program_id,
        partner_id,
        activity_date,
        cast(sum(clicks) as bigint) as clicks,
        cast(sum(actions) as bigint) as actions,
        cast(sum(revenue) as decimal(28, 8)) as revenue
    from both_kinds
    group by program_id, partner_id, activity_date
)

select * from fct_performance_daily
