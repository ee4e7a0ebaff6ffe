with days as (
    select * from {{ ref('fct_performance_daily') }}
),

int_activity_dates as (
    select distinct program_id, activity_date
    from days
)

select * from int_activity_dates
