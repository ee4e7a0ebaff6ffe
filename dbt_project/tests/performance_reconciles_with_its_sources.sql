-- Nothing is lost or multiplied on the way to the daily facts: totals per program equal those of the sources.
with facts as (
    select program_id, sum(clicks) as clicks, sum(actions) as actions, sum(revenue) as revenue
    from {{ ref('fct_performance_daily') }}
    group by program_id
),

clicks as (
    select program_id, sum(clicks) as clicks
    from {{ ref('stg_partner_clicks_daily') }}
    group by program_id
),

actions as (
    select program_id, count(*) as actions, sum(coalesce(amount, 0)) as revenue
    from {{ ref('stg_actions') }}
    where state <> 'REVERSED'
    group by program_id
),

programs as (
    select program_id from {{ ref('stg_programs') }}
)

select programs.program_id
from programs
left join facts on programs.program_id = facts.program_id
left join clicks on programs.program_id = clicks.program_id
left join actions on programs.program_id = actions.program_id
where
    coalesce(facts.clicks, 0) <> coalesce(clicks.clicks, 0)
    or coalesce(facts.actions, 0) <> coalesce(actions.actions, 0)
    or coalesce(facts.revenue, 0) <> coalesce(actions.revenue, 0)
