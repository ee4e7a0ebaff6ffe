with partners as (
    select * from {{ ref('stg_partners') }}
),

evaluations as (
    select * from {{ ref('stg_evaluations') }}
),

history as (
    select * from {{ ref('fct_relationship_history') }}
),

-- "Now" is the hour of the last run, never the clock; before the first run it is the end of all known history.
current_transitions as (
    select history.*
    from history
    left join evaluations on history.program_id = evaluations.program_id
    where
        (evaluations.as_of is null and history.valid_to is null)
        or (
            history.valid_from <= evaluations.as_of
            and (history.valid_to is null or history.valid_to > evaluations.as_of)
        )
),

fct_partners as (
    select
        partners.program_id,
        partners.partner_id,
        partners.name,
        partners.language,
        coalesce(current_transitions.relationship_stage, 'None') as relationship_stage,
        case when current_transitions.relationship_stage <> 'None' then current_transitions.valid_from end
            as last_transition_at,
        case when current_transitions.relationship_stage <> 'None' then current_transitions.transition_date end
            as last_transition_date
    from partners
    left join current_transitions
        on
            partners.program_id = current_transitions.program_id
            and partners.partner_id = current_transitions.partner_id
)

select * from fct_partners
