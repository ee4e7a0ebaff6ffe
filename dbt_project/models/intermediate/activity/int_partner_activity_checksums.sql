-- The one step of a build that reads all performance rows: what is loaded of each partner, against what the facts were
-- made of. While the build before this one stands, that is what it found loaded; otherwise, after one that died, failed
-- or was made by hand, it is what the facts hold. So `is_changed` sees new, late, corrected, reversed and deleted rows,
-- whatever `_loaded_at` says of them, a corrected time zone or currency, and what an interrupted build has not reached.

{% set checksums = 'int_partner_activity_checksums' %}
{% set earlier = previous_relation('intermediate', checksums) if previous_build_is_valid() else none %}
{% set held_actions = none if earlier else previous_relation('intermediate', 'int_actions_localized') %}
{% set held_days = none if earlier else previous_relation('marts', 'fct_performance_daily') %}
{% set action = ['action_id', 'event_at', 'timezone', 'amount'] %}

with loaded_clicks as (
    select * from {{ ref('stg_partner_clicks_daily') }}
),

loaded_actions as (
    select * from {{ ref('int_actions_filtered') }}
),

-- One below the other and summed once. Clicks and actions balance by row_set_checksum; held actions and their days,
-- whose sums are of more than one row, by weighted sums.
sides as (
    select
        program_id,
        partner_id,
        sum(clicks) as clicks,
        0 as actions,
        0 as revenue,
        {{ row_set_checksum(['click_date', 'clicks'], 'clicks <> 0') }} as clicks_checksum,
        0 as actions_checksum,
        0 as clicks_before,
        0 as actions_before,
        0 as action_days,
        0 as revenue_days
    from loaded_clicks
    group by program_id, partner_id

    union all

    select
        program_id,
        partner_id,
        0 as clicks,
        count(*) as actions,
        sum(amount) as revenue,
        0 as clicks_checksum,
        {{ row_set_checksum(action) }} as actions_checksum,
        0 as clicks_before,
        0 as actions_before,
        0 as action_days,
        0 as revenue_days
    from loaded_actions
    group by program_id, partner_id
    {% if earlier %}

    union all

    select
        program_id,
        partner_id,
        0 as clicks,
        0 as actions,
        0 as revenue,
        0 as clicks_checksum,
        0 as actions_checksum,
        clicks_checksum as clicks_before,
        actions_checksum as actions_before,
        0 as action_days,
        0 as revenue_days
    from {{ earlier }}
    {% endif %}
    {% if held_actions %}

    union all

    select
        program_id,
        partner_id,
        0 as clicks,
        0 as actions,
        0 as revenue,
        0 as clicks_checksum,
        0 as actions_checksum,
        0 as clicks_before,
        {{ row_set_checksum(action) }} as actions_before,
        sum({{ date_checksum_weight('activity_date') }}) as action_days,
        sum(amount * {{ date_checksum_weight('activity_date') }}) as revenue_days
    from {{ held_actions }}
    group by program_id, partner_id
    {% endif %}
    {% if held_days %}

    union all

    select
        program_id,
        partner_id,
        0 as clicks,
        0 as actions,
        0 as revenue,
        0 as clicks_checksum,
        0 as actions_checksum,
        {{ row_set_checksum(['activity_date', 'clicks'], 'clicks <> 0') }} as clicks_before,
        0 as actions_before,
        -sum(case when actions <> 0 then actions * {{ date_checksum_weight('activity_date') }} end) as action_days,
        -sum(case when actions <> 0 then revenue * {{ date_checksum_weight('activity_date') }} end) as revenue_days
    from {{ held_days }}
    group by program_id, partner_id
    {% endif %}
),

compared as (
    select
        program_id,
        partner_id,
        coalesce(sum(clicks), 0) as clicks,
        coalesce(sum(actions), 0) as actions,
        coalesce(sum(revenue), 0) as revenue,
        coalesce(sum(clicks_checksum), 0) as clicks_checksum,
        coalesce(sum(actions_checksum), 0) as actions_checksum,
        coalesce(sum(clicks_before), 0) as clicks_before,
        coalesce(sum(actions_before), 0) as actions_before,
        coalesce(sum(action_days), 0) as action_days,
        coalesce(sum(revenue_days), 0) as revenue_days
    from sides
    group by program_id, partner_id
),

int_partner_activity_checksums as (
    select
        program_id,
        partner_id,
        cast(clicks as {{ dbt.type_bigint() }}) as clicks,
        cast(actions as {{ dbt.type_bigint() }}) as actions,
        cast(revenue as decimal(28, 8)) as revenue,
        clicks_checksum,
        actions_checksum,
        (
            clicks_checksum <> clicks_before or actions_checksum <> actions_before
            or action_days <> 0 or revenue_days <> 0
        ) as is_changed
    from compared
)

select * from int_partner_activity_checksums
where is_changed or clicks_checksum <> 0 or actions_checksum <> 0
