with deliveries as (
    select *, {{ week_start('as_of') }} as week
    from {{ ref('fct_email_deliveries') }}
    where is_sent
),

workflow_report_weekly as (
    select
        workflow_id,
        week,
        cast(count(*) as bigint) as sent,
        cast(sum(case when is_delivered then 1 else 0 end) as bigint) as delivered,
        cast(sum(case when is_opened then 1 else 0 end) as bigint) as opened,
        cast(sum(case when is_bot_opened and not is_opened then 1 else 0 end) as bigint)
            as bot_opened_only,
        cast(sum(case when is_clicked then 1 else 0 end) as bigint) as clicked,
        cast(sum(case when is_bounced then 1 else 0 end) as bigint) as bounced,
        cast(sum(case when is_complained then 1 else 0 end) as bigint) as complained,
        cast(sum(case when is_unsubscribed then 1 else 0 end) as bigint) as unsubscribed,
        cast(sum(case when events > 0 then 1 else 0 end) as bigint) as with_events
    from deliveries
    group by workflow_id, week
)

select * from workflow_report_weekly
