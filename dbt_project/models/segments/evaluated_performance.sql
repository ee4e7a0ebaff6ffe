with evaluations as (
    select * from {{ ref('stg_evaluations') }}
),

days as (
    select * from {{ ref('fct_performance_daily') }}
),

counted_actions as (
    select * from {{ ref('int_counted_actions') }}
),

-- Whole days before the hour's own day, and of that day the clicks, which are known by day only.
until_the_day as (
    select
        days.program_id,
        evaluations.as_of,
        days.partner_id,
        days.activity_date,
        {{ days_between('days.activity_date', 'evaluations.local_date') }} as days_ago,
        days.clicks,
        case when days.activity_date < evaluations.local_date then days.actions else 0 end as actions,
        cast(
            case when days.activity_date < evaluations.local_date then days.revenue else 0 end as decimal(28, 8)
        ) as revenue
    from days
    inner join evaluations on days.program_id = evaluations.program_id
    where days.activity_date <= evaluations.local_date
),

-- The running day's actions, to the instant.
running_day as (
    select
        counted_actions.program_id,
        evaluations.as_of,
        counted_actions.partner_id,
        counted_actions.activity_date,
        0 as days_ago,
        0 as clicks,
        1 as actions,
        counted_actions.amount as revenue
    from counted_actions
    inner join evaluations on counted_actions.program_id = evaluations.program_id
    where
        counted_actions.activity_date = evaluations.local_date
        and counted_actions.event_at <= evaluations.as_of
),

evaluated_performance as (
    select * from until_the_day
    union all
    select * from running_day
)

select * from evaluated_performance
