with weeks as (
    select * from {{ ref('workflow_report_weekly') }}
),

workflows as (
    select workflow_id from {{ ref('stg_workflow_runs') }}
    union distinct
    select workflow_id from {{ ref('stg_sent_emails') }}
),

goals as (
    select workflow_id, goal from {{ ref('workflow_goals') }}
),

outcomes as (
    select
        workflow_id,
        count(*) as goal_partners,
        sum(case when is_complete then 1 else 0 end) as goal_complete,
        sum(case when is_complete and is_reached then 1 else 0 end) as goal_reached,
        sum(case when is_complete then revenue else 0 end) as goal_revenue
    from {{ ref('goal_outcomes') }}
    where counted_from = 'delivery'
    group by workflow_id
),

totals as (
    select
        workflows.workflow_id,
        cast(coalesce(sum(weeks.sent), 0) as bigint) as sent,
        cast(coalesce(sum(weeks.delivered), 0) as bigint) as delivered,
        cast(coalesce(sum(weeks.opened), 0) as bigint) as opened,
        cast(coalesce(sum(weeks.bot_opened_only), 0) as bigint) as bot_opened_only,
        cast(coalesce(sum(weeks.clicked), 0) as bigint) as clicked,
        cast(coalesce(sum(weeks.bounced), 0) as bigint) as bounced,
        cast(coalesce(sum(weeks.complained), 0) as bigint) as complained,
        cast(coalesce(sum(weeks.unsubscribed), 0) as bigint) as unsubscribed,
        cast(coalesce(sum(weeks.with_events), 0) as bigint) as with_events
    from workflows
    left join weeks on workflows.workflow_id = weeks.workflow_id
    group by workflows.workflow_id
),

decisions as (
    select
        workflow_id,
        cast(count(*) as bigint) as accepted
    from {{ ref('stg_sent_emails') }}
    where email is null and state = 'sent'
    group by workflow_id
),

-- A rate of nothing is null, never 0. Only events say what became of an email: without one, nothing is known of it.
workflow_report as (
    select
        totals.*,
        goals.goal,
        cast(coalesce(outcomes.goal_partners, 0) as bigint) as goal_partners,
        cast(coalesce(outcomes.goal_complete, 0) as bigint) as goal_complete,
        cast(coalesce(outcomes.goal_reached, 0) as bigint) as goal_reached,
        cast(coalesce(outcomes.goal_revenue, 0) as {{ type_amount() }}) as goal_revenue,
        coalesce(decisions.accepted, 0) as accepted,
        cast(totals.delivered as {{ type_double() }}) / nullif(totals.with_events, 0) as delivery_rate,
        cast(totals.bounced as {{ type_double() }}) / nullif(totals.with_events, 0) as bounce_rate,
        cast(totals.opened as {{ type_double() }}) / nullif(totals.delivered, 0) as open_rate,
        cast(totals.clicked as {{ type_double() }}) / nullif(totals.delivered, 0) as click_rate,
        cast(totals.complained as {{ type_double() }}) / nullif(totals.delivered, 0) as complaint_rate,
        cast(totals.unsubscribed as {{ type_double() }}) / nullif(totals.delivered, 0) as unsubscribe_rate,
        cast(outcomes.goal_reached as {{ type_double() }}) / nullif(outcomes.goal_complete, 0) as goal_rate
    from totals
    left join decisions on totals.workflow_id = decisions.workflow_id
    left join goals on totals.workflow_id = goals.workflow_id
    left join outcomes on totals.workflow_id = outcomes.workflow_id
)

select * from workflow_report
