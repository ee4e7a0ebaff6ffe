{#- Amounts in several currencies are never added (semantics, "Revenue"): every action that counts is in the currency of
    its program. Returns the actions that are not, and so have no revenue. -#}
{% test in_program_currency(model, programs) %}
    select actions.program_id, actions.action_id, actions.currency, programs.currency as program_currency
    from {{ model }} as actions
    inner join {{ programs }} as programs on actions.program_id = programs.program_id
    where
        actions.state <> 'REVERSED'
        and coalesce(actions.amount, 0) <> 0
        and (actions.currency is null or actions.currency <> programs.currency)
{% endtest %}
