{{ config(materialized='view') }}

with goals as (
    select
        workflow_id,
        goal,
        cast(within_days as {{ dbt.type_bigint() }}) as within_days,
        cast(load_lag_days as {{ dbt.type_bigint() }}) as load_lag_days
    from {{ ref('workflow_goals') }}
),

emails as (
    select * from {{ ref('stg_sent_emails') }}
    where action = 'email'
),

programs as (
    select * from {{ ref('stg_programs') }}
),

-- The hour of the run: that of the last row, while a run evaluates earlier hours, too.
today as (
    select program_id, max(local_date) as local_date
    from {{ ref('stg_evaluations') }}
    group by program_id
),

-- Both arms of a holdout count from their claim, whatever became of the email: an email that waits or fails must not
-- take its partner out of the comparison, nor give it other days than a partner that is held out at the same hour.
starts as (
    select
        workflow_id,
        program_id,
        partner_id,
        'claim' as counted_from,
        max(case when state = 'held_out' then 1 else 0 end) as held_out,
        max(holdout_percent) as holdout_percent,
        min(as_of) as started_as_of
    from emails
    group by workflow_id, program_id, partner_id

    union all

    select
        workflow_id,
        program_id,
        partner_id,
        'delivery' as counted_from,
        0 as held_out,
        max(holdout_percent) as holdout_percent,
        min(delivered_as_of) as started_as_of
    from emails
    where state = 'sent'
    group by workflow_id, program_id, partner_id
),

dated as (
    select
        starts.workflow_id,
        starts.program_id,
        starts.partner_id,
        starts.counted_from,
        goals.goal,
        goals.within_days,
        goals.load_lag_days,
        starts.held_out = 1 as is_held_out,
        starts.holdout_percent,
        starts.started_as_of,
        {{ local_date('starts.started_as_of', 'programs.timezone') }} as started_on
    from starts
    inner join goals on starts.workflow_id = goals.workflow_id
    inner join programs on starts.program_id = programs.program_id
),

int_goal_windows as (
    select
        dated.workflow_id,
        dated.program_id,
        dated.partner_id,
        dated.counted_from,
        dated.goal,
        dated.within_days,
        dated.is_held_out,
        dated.holdout_percent,
        dated.started_as_of,
        dated.started_on,
        coalesce(
            {{ days_between('dated.started_on', 'today.local_date') }} > dated.within_days + dated.load_lag_days, false
        ) as is_complete
    from dated
    left join today on dated.program_id = today.program_id
)

select * from int_goal_windows
