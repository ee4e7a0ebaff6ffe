{{ config(materialized='view') }}

with windows as (
    select * from {{ ref('int_goal_windows') }}
),

days as (
    select * from {{ ref('fct_performance_daily') }}
),

counted_actions as (
    select * from {{ ref('int_actions_localized') }}
),

-- What segments have counted at the hour of the start does not count again (performance_as_of): the days before, the
-- actions of that day up to the hour, and its clicks, which are known per day only.
activity as (
    select
        windows.workflow_id,
        windows.program_id,
        windows.partner_id,
        windows.counted_from,
        days.clicks,
        days.actions,
        days.revenue
    from windows
    inner join days
        on
            windows.program_id = days.program_id
            and windows.partner_id = days.partner_id
    where {{ days_between('windows.started_on', 'days.activity_date') }} between 1 and windows.within_days

    union all

    select
        windows.workflow_id,
        windows.program_id,
        windows.partner_id,
        windows.counted_from,
        0 as clicks,
        1 as actions,
        counted_actions.amount as revenue
    from windows
    inner join counted_actions
        on
            windows.program_id = counted_actions.program_id
            and windows.partner_id = counted_actions.partner_id
            and windows.started_on = counted_actions.activity_date
    where counted_actions.event_at > windows.started_as_of
),

sums as (
    select
        workflow_id,
        program_id,
        partner_id,
        counted_from,
        sum(clicks) as clicks,
        sum(actions) as actions,
        sum(revenue) as revenue
    from activity
    group by workflow_id, program_id, partner_id, counted_from
),

int_goal_totals as (
    select
        windows.workflow_id,
        windows.program_id,
        windows.partner_id,
        windows.counted_from,
        windows.goal,
        windows.is_held_out,
        windows.holdout_percent,
        windows.started_as_of,
        windows.started_on,
        windows.is_complete,
        cast(coalesce(sums.clicks, 0) as bigint) as clicks,
        cast(coalesce(sums.actions, 0) as bigint) as actions,
        cast(coalesce(sums.revenue, 0) as {{ type_amount() }}) as revenue
    from windows
    left join sums
        on
            windows.workflow_id = sums.workflow_id
            and windows.program_id = sums.program_id
            and windows.partner_id = sums.partner_id
            and windows.counted_from = sums.counted_from
)

select * from int_goal_totals
