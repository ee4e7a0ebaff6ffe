-- Whose facts are not what the loaded rows say: partners with new, late, corrected, reversed or deleted rows, whatever
-- `_loaded_at` says of them, those of a program whose time zone or currency was corrected, and those that an
-- interrupted build has not reached. What is loaded less what is held must come to nothing. This is the one step of a
-- build that reads all performance rows; what follows it reads these partners' only.

{% set held_actions = earlier_build('intermediate', 'int_counted_actions') %}
{% set held_days = earlier_build('marts', 'fct_performance_daily') %}
{% set action = ['action_id', 'event_at', 'timezone', 'amount'] %}

with loaded_clicks as (
    select * from {{ ref('stg_partner_clicks_daily') }}
),

loaded_actions as (
    select * from {{ ref('int_undated_actions') }}
),

-- Clicks loaded and held, and actions loaded and held, balance by fingerprint; held actions and their days, whose sums
-- are of more than one row, by weighted sums.
sides as (
    select
        program_id,
        partner_id,
        {{ fingerprint(['click_date', 'clicks'], 'clicks <> 0') }} as clicks,
        0 as actions,
        0 as action_days,
        0 as revenue_days
    from loaded_clicks
    group by program_id, partner_id

    union all

    select
        program_id,
        partner_id,
        0 as clicks,
        {{ fingerprint(action) }} as actions,
        0 as action_days,
        0 as revenue_days
    from loaded_actions
    group by program_id, partner_id
    {% if held_actions %}

    union all

    select
        program_id,
        partner_id,
        0 as clicks,
        -{{ fingerprint(action) }} as actions,
        sum({{ date_weight('activity_date') }}) as action_days,
        sum(amount * {{ date_weight('activity_date') }}) as revenue_days
    from {{ held_actions }}
    group by program_id, partner_id
    {% endif %}
    {% if held_days %}

    union all

    select
        program_id,
        partner_id,
        -{{ fingerprint(['activity_date', 'clicks'], 'clicks <> 0') }} as clicks,
        0 as actions,
        -sum(case when actions <> 0 then actions * {{ date_weight('activity_date') }} end) as action_days,
        -sum(case when actions <> 0 then revenue * {{ date_weight('activity_date') }} end) as revenue_days
    from {{ held_days }}
    group by program_id, partner_id
    {% endif %}
),

int_changed_partners as (
    select program_id, partner_id
    from sides
    group by program_id, partner_id
    having sum(clicks) <> 0 or sum(actions) <> 0 or sum(action_days) <> 0 or sum(revenue_days) <> 0
)

select * from int_changed_partners
