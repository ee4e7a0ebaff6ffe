-- Amounts in several currencies are never added (semantics, "Revenue"): every action that counts is in its program's.
select
    actions.program_id,
    actions.action_id,
    actions.currency,
    programs.currency as program_currency
from {{ ref('stg_actions') }} as actions
inner join {{ ref('stg_programs') }} as programs on actions.program_id = programs.program_id
where
    actions.state <> 'REVERSED'
    and coalesce(actions.amount, 0) <> 0
    and (actions.currency is null or actions.currency <> programs.currency)
