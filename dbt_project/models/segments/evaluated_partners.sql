with evaluations as (
    select * from {{ ref('stg_evaluations') }}
),

partners as (
    select * from {{ ref('fct_partners') }}
),

history as (
    select * from {{ ref('fct_relationship_history') }}
),

evaluated_partners as (
    select
        evaluations.as_of,
        partners.*,
        coalesce(history.relationship_stage, 'None') as evaluated_stage,
        case when history.relationship_stage <> 'None' then history.transition_date end as evaluated_transition_date,
        case
            when history.relationship_stage <> 'None'
                then {{ days_between('history.transition_date', 'evaluations.local_date') }}
        end as last_transition_days_ago
    from evaluations
    inner join partners on evaluations.program_id = partners.program_id
    left join history
        on
            partners.program_id = history.program_id
            and partners.partner_id = history.partner_id
            and history.valid_from <= evaluations.as_of
            and (history.valid_to is null or history.valid_to > evaluations.as_of)
)

select * from evaluated_partners
