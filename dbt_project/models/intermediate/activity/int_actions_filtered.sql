{{ config(materialized='view') }}

-- Amounts in different currencies are never added: an amount that is not in the program's currency counts as 0, and its
-- partner is held by workflows that use revenue (int_quarantined_rows).

with actions as (
    select * from {{ ref('stg_actions') }}
),

programs as (
    select * from {{ ref('stg_programs') }}
),

int_actions_filtered as (
    select
        actions.program_id,
        actions.action_id,
        actions.partner_id,
        actions.event_at,
        programs.timezone,
        cast(
            case when actions.currency = programs.currency then coalesce(actions.amount, 0) else 0 end
            as {{ type_amount() }}
        ) as amount
    from actions
    inner join programs on actions.program_id = programs.program_id
    where actions.state <> 'REVERSED'
)

select * from int_actions_filtered
