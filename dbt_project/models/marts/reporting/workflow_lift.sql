{#- The normal quantile of 97.5 %, for intervals of 95 %, and its powers. -#}
{%- set z = 1.959963985 -%}
{%- set z2 = z * z -%}

-- Both arms are compared from the claim on. Partners claimed without a holdout are not in the comparison: nobody like
-- them was held out.
with outcomes as (
    select
        *,
        case when is_held_out then 1 else 0 end as held_out,
        case when is_complete then 1 else 0 end as complete,
        case when is_complete and is_reached then 1 else 0 end as reached,
        cast(case when is_complete then revenue end as {{ type_double() }}) as complete_revenue
    from {{ ref('goal_outcomes') }}
    where counted_from = 'claim' and holdout_percent is not null
),

newest as (
    select workflow_id, max(started_as_of) as started_as_of
    from outcomes
    group by workflow_id
),

-- Another percentage is another comparison: with a share that changes, the arms would be of different times.
present as (
    select outcomes.workflow_id, max(outcomes.holdout_percent) as holdout_percent
    from outcomes
    inner join newest
        on
            outcomes.workflow_id = newest.workflow_id
            and outcomes.started_as_of = newest.started_as_of
    group by outcomes.workflow_id
),

arms as (
    select
        outcomes.workflow_id,
        max(outcomes.goal) as goal,
        max(outcomes.holdout_percent) as holdout_percent,
        sum(1 - outcomes.held_out) as emailed,
        sum((1 - outcomes.held_out) * outcomes.complete) as emailed_complete,
        sum((1 - outcomes.held_out) * outcomes.reached) as emailed_reached,
        avg(case when outcomes.held_out = 0 then outcomes.complete_revenue end) as emailed_revenue,
        var_samp(case when outcomes.held_out = 0 then outcomes.complete_revenue end) as emailed_variance,
        sum(outcomes.held_out) as held_out,
        sum(outcomes.held_out * outcomes.complete) as held_out_complete,
        sum(outcomes.held_out * outcomes.reached) as held_out_reached,
        avg(case when outcomes.held_out = 1 then outcomes.complete_revenue end) as held_out_revenue,
        var_samp(case when outcomes.held_out = 1 then outcomes.complete_revenue end) as held_out_variance
    from outcomes
    inner join present
        on
            outcomes.workflow_id = present.workflow_id
            and outcomes.holdout_percent = present.holdout_percent
    group by outcomes.workflow_id
),

rated as (
    select
        *,
        cast(emailed_complete as {{ type_double() }}) as n1,
        cast(emailed_reached as {{ type_double() }}) as x1,
        cast(held_out_complete as {{ type_double() }}) as n2,
        cast(held_out_reached as {{ type_double() }}) as x2,
        cast(emailed_reached as {{ type_double() }}) / nullif(emailed_complete, 0) as emailed_rate,
        cast(held_out_reached as {{ type_double() }}) / nullif(held_out_complete, 0) as held_out_rate,
        emailed_variance / nullif(emailed_complete, 0) as emailed_error,
        held_out_variance / nullif(held_out_complete, 0) as held_out_error
    from arms
),

-- The Wilson score interval of each rate, and the degrees of freedom of Welch's test.
bounded as (
    select
        *,
        (2 * x1 + {{ z2 }} - {{ z }} * sqrt({{ z2 }} + 4 * x1 * (1 - emailed_rate)))
        / (2 * (n1 + {{ z2 }})) as emailed_low,
        (2 * x1 + {{ z2 }} + {{ z }} * sqrt({{ z2 }} + 4 * x1 * (1 - emailed_rate)))
        / (2 * (n1 + {{ z2 }})) as emailed_high,
        (2 * x2 + {{ z2 }} - {{ z }} * sqrt({{ z2 }} + 4 * x2 * (1 - held_out_rate)))
        / (2 * (n2 + {{ z2 }})) as held_out_low,
        (2 * x2 + {{ z2 }} + {{ z }} * sqrt({{ z2 }} + 4 * x2 * (1 - held_out_rate)))
        / (2 * (n2 + {{ z2 }})) as held_out_high,
        (emailed_error + held_out_error) * (emailed_error + held_out_error)
        / nullif(
            emailed_error * emailed_error / nullif(n1 - 1, 0) + held_out_error * held_out_error / nullif(n2 - 1, 0), 0
        ) as freedom
    from rated
),

-- Newcombe's interval of the difference of two rates (hybrid score), and the quantile of Student's distribution by its
-- expansion (Abramowitz and Stegun 26.7.5), which is exact to a thousandth from 10 degrees of freedom on.
differences as (
    select
        *,
        emailed_rate - held_out_rate as rate_difference,
        sqrt(
            (emailed_rate - emailed_low) * (emailed_rate - emailed_low)
            + (held_out_high - held_out_rate) * (held_out_high - held_out_rate)
        ) as below,
        sqrt(
            (emailed_high - emailed_rate) * (emailed_high - emailed_rate)
            + (held_out_rate - held_out_low) * (held_out_rate - held_out_low)
        ) as above,
        emailed_revenue - held_out_revenue as revenue_difference,
        sqrt(emailed_error + held_out_error) * (
            {{ z }}
            + coalesce({{ (z * z2 + z) / 4 }} / freedom, 0)
            + coalesce({{ (5 * z * z2 * z2 + 16 * z * z2 + 3 * z) / 96 }} / (freedom * freedom), 0)
        ) as revenue_margin
    from bounded
),

workflow_lift as (
    select
        workflow_id,
        goal,
        cast(holdout_percent as bigint) as holdout_percent,
        cast(emailed as bigint) as emailed,
        cast(emailed_complete as bigint) as emailed_complete,
        cast(emailed_reached as bigint) as emailed_reached,
        emailed_rate,
        emailed_revenue,
        cast(held_out as bigint) as held_out,
        cast(held_out_complete as bigint) as held_out_complete,
        cast(held_out_reached as bigint) as held_out_reached,
        held_out_rate,
        held_out_revenue,
        rate_difference,
        rate_difference - below as rate_difference_low,
        rate_difference + above as rate_difference_high,
        revenue_difference,
        revenue_difference - revenue_margin as revenue_difference_low,
        revenue_difference + revenue_margin as revenue_difference_high,
        case
            when
                emailed_complete < {{ var('lift_minimum_partners') }}
                or held_out_complete < {{ var('lift_minimum_partners') }}
                or emailed_reached + held_out_reached < {{ var('lift_minimum_reached') }}
                then 'not enough yet'
            when rate_difference - below > 0 then 'more with the email'
            when rate_difference + above < 0 then 'fewer with the email'
            else 'no difference shown'
        end as verdict
    from differences
)

select * from workflow_lift
