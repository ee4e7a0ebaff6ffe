with weeks as (
    select * from {{ ref('workflow_report_weekly') }}
),

workflows as (
    select workflow_id from {{ ref('stg_workflow_runs') }}
    union
    select workflow_id from {{ ref('stg_sent_emails') }}
),

totals as (
    select
        workflows.workflow_id,
        cast(coalesce(sum(weeks.sent), 0) as bigint) as sent,
        cast(coalesce(sum(weeks.delivered), 0) as bigint) as delivered,
        cast(coalesce(sum(weeks.opened), 0) as bigint) as opened,
        cast(coalesce(sum(weeks.opened_by_machine_only), 0) as bigint) as opened_by_machine_only,
        cast(coalesce(sum(weeks.clicked), 0) as bigint) as clicked,
        cast(coalesce(sum(weeks.bounced), 0) as bigint) as bounced,
        cast(coalesce(sum(weeks.complained), 0) as bigint) as complained,
        cast(coalesce(sum(weeks.unsubscribed), 0) as bigint) as unsubscribed,
        cast(coalesce(sum(weeks.reported), 0) as bigint) as reported
    from workflows
    left join weeks on workflows.workflow_id = weeks.workflow_id
    group by workflows.workflow_id
),

-- A rate of nothing is null, never 0.
workflow_report as (
    select
        *,
        cast(delivered as double precision) / nullif(sent, 0) as delivered_of_sent,
        cast(bounced as double precision) / nullif(sent, 0) as bounced_of_sent,
        cast(opened as double precision) / nullif(delivered, 0) as opened_of_delivered,
        cast(clicked as double precision) / nullif(delivered, 0) as clicked_of_delivered,
        cast(complained as double precision) / nullif(delivered, 0) as complained_of_delivered,
        cast(unsubscribed as double precision) / nullif(delivered, 0) as unsubscribed_of_delivered
    from totals
)

select * from workflow_report
