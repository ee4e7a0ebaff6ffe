with actions as (
    select * from {{ ref('stg_actions') }}
),

programs as (
    select * from {{ ref('stg_programs') }}
),

int_counted_actions as (
    select
        actions.program_id,
        actions.action_id,
        actions.partner_id,
        actions.event_at,
        {{ local_date('actions.event_at', 'programs.timezone') }} as activity_date,
        cast(coalesce(actions.amount, 0) as decimal(28, 8)) as amount
    from actions
    inner join programs on actions.program_id = programs.program_id
    where actions.state <> 'REVERSED'
)

select * from int_counted_actions
