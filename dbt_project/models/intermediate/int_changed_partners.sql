-- Whose daily facts are not what the loaded rows say: partners with new, late, corrected, reversed or deleted rows,
-- whatever `_loaded_at` says of them, and those that an interrupted build has not reached. What is loaded less what is
-- held must come to nothing, in sum and weighted by date. This is the one step of a build that reads all performance
-- rows; what follows it reads these partners' only.

{% set earlier = earlier_build('marts', 'fct_performance_daily') %}

with clicks as (
    select * from {{ ref('stg_partner_clicks_daily') }}
),

counted_actions as (
    select * from {{ ref('int_counted_actions') }}
),

loaded as (
    select
        program_id, partner_id, click_date as activity_date, clicks, 0 as actions, cast(0 as decimal(28, 8)) as revenue
    from clicks

    union all

    select program_id, partner_id, activity_date, 0, 1, amount
    from counted_actions
),

{% if earlier %}

differences as (
    select * from loaded

    union all

    select program_id, partner_id, activity_date, -clicks, -actions, -revenue
    from {{ earlier }}
),

int_changed_partners as (
    select program_id, partner_id
    from differences
    group by program_id, partner_id
    having
        sum(clicks) <> 0
        or sum(actions) <> 0
        or sum(revenue) <> 0
        or sum((clicks + 31 * actions) * {{ date_weight('activity_date') }}) <> 0
        or sum(case when revenue <> 0 then revenue * {{ date_weight('activity_date') }} else 0 end) <> 0
)

{% else %}

int_changed_partners as (
    select program_id, partner_id
    from loaded
    group by program_id, partner_id
)

{% endif %}

select * from int_changed_partners
