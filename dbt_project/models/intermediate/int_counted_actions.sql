{{
    config(
        materialized='incremental',
        incremental_strategy='merge',
        unique_key=['program_id', 'action_id'],
        on_schema_change='fail',
        post_hook="delete from {{ this }} where activity_date is null",
    )
}}

-- Amounts in several currencies are never added: one that is not in the program's counts as 0, and a test of
-- stg_actions holds what would read it.
--
-- Every build compares all actions with those held and dates and writes only what differs: new, late and corrected
-- ones, and those of a program whose time zone was corrected. What is not loaded any more, or reversed, is written
-- without a date and deleted at the end of the same transaction.

with actions as (
    select * from {{ ref('stg_actions') }}
),

programs as (
    select * from {{ ref('stg_programs') }}
),

counted as (
    select
        actions.program_id,
        actions.action_id,
        actions.partner_id,
        actions.event_at,
        programs.timezone,
        cast(
            case when actions.currency = programs.currency then coalesce(actions.amount, 0) else 0 end as decimal(28, 8)
        ) as amount
    from actions
    inner join programs on actions.program_id = programs.program_id
    where actions.state <> 'REVERSED'
),

{% if is_incremental() %}

held as (
    select * from {{ this }}
),

differing as (
    select counted.*
    from counted
    left join held
        on
            counted.program_id = held.program_id
            and counted.action_id = held.action_id
    where
        held.action_id is null
        or counted.partner_id <> held.partner_id
        or counted.event_at <> held.event_at
        or counted.timezone <> held.timezone
        or counted.amount <> held.amount
),

gone as (
    select held.*
    from held
    left join counted
        on
            held.program_id = counted.program_id
            and held.action_id = counted.action_id
    where counted.action_id is null
),

{% else %}

differing as (
    select * from counted
),

{% endif %}

int_counted_actions as (
    select
        program_id,
        action_id,
        partner_id,
        event_at,
        {{ local_date('event_at', 'timezone') }} as activity_date,
        timezone,
        amount
    from differing
    {% if is_incremental() %}

    union all

    select program_id, action_id, partner_id, event_at, cast(null as date), timezone, amount
    from gone
    {% endif %}
)

select * from int_counted_actions
