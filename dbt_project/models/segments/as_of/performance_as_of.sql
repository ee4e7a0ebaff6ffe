with evaluations as (
    select * from {{ ref('stg_evaluations') }}
),

days as (
    select * from {{ ref('fct_performance_daily') }}
),

activity_dates as (
    select * from {{ ref('int_activity_dates') }}
),

counted_actions as (
    select * from {{ ref('int_actions_localized') }}
),

-- The dates up to each hour. A window selects few of them, and an engine finds the partners' days by these dates;
-- otherwise it would compute and compare `days_ago` for every day of every partner.
evaluated_dates as (
    select
        activity_dates.program_id,
        evaluations.as_of,
        activity_dates.activity_date,
        {{ days_between('activity_dates.activity_date', 'evaluations.local_date') }} as days_ago
    from activity_dates
    inner join evaluations on activity_dates.program_id = evaluations.program_id
    where activity_dates.activity_date <= evaluations.local_date
),

-- Whole days before the hour's own day, and the clicks of that day, which are known per day only.
until_the_day as (
    select
        days.program_id,
        evaluated_dates.as_of,
        days.partner_id,
        days.activity_date,
        evaluated_dates.days_ago,
        days.clicks,
        case when evaluated_dates.days_ago > 0 then days.actions else 0 end as actions,
        cast(case when evaluated_dates.days_ago > 0 then days.revenue else 0 end as {{ type_amount() }}) as revenue
    from days
    inner join evaluated_dates
        on
            days.program_id = evaluated_dates.program_id
            and days.activity_date = evaluated_dates.activity_date
),

-- Actions of the hour's own day, up to the hour.
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

performance_as_of as (
    select * from until_the_day
    union all
    select * from running_day
)

select * from performance_as_of
