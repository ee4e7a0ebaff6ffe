with evaluations as (
    select * from {{ ref('stg_evaluations') }}
),

partners as (
    select * from {{ ref('fct_partners') }}
),

history as (
    select * from {{ ref('fct_relationship_history') }}
),

-- Filtered to the hour before the outer join: with `or` in its condition that join would compare every partner
-- with every transition.
stages as (
    select
        history.program_id,
        evaluations.as_of,
        history.partner_id,
        history.relationship_stage,
        history.transition_date,
        {{ days_between('history.transition_date', 'evaluations.local_date') }} as days_ago
    from evaluations
    inner join history on evaluations.program_id = history.program_id
    where
        history.relationship_stage <> 'None'
        and history.valid_from <= evaluations.as_of
        and (history.valid_to is null or history.valid_to > evaluations.as_of)
),

partners_as_of as (
    select
        evaluations.as_of,
        partners.*,
        coalesce(stages.relationship_stage, 'None') as relationship_stage_as_of,
        stages.transition_date as last_transition_date_as_of,
        stages.days_ago as last_transition_days_ago
    from evaluations
    inner join partners on evaluations.program_id = partners.program_id
    left join stages
        on
            partners.program_id = stages.program_id
            and partners.partner_id = stages.partner_id
            and evaluations.as_of = stages.as_of
)

select * from partners_as_of
