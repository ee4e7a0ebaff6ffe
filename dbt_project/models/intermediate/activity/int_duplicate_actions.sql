-- A build looks at the ids of changed partners' actions, at those of reversed actions, which the checksums do not
-- contain, and at those that were duplicates before: no other id can be one.

{% set previous = load_relation(this) if previous_build_is_valid() else none %}

with loaded as (
    select * from {{ ref('base_actions') }}
    where quarantine_reason is null
),

filtered_actions as (
    select * from {{ ref('int_actions_filtered') }}
),

changed_partners as (
    select * from {{ ref('int_changed_partners') }}
),

{% if previous %}
checked_ids as (
    select loaded.program_id, loaded.action_id
    from loaded
    inner join changed_partners
        on
            loaded.program_id = changed_partners.program_id
            and loaded.partner_id = changed_partners.partner_id

    union distinct

    select program_id, action_id
    from loaded
    where state = 'REVERSED'

    union distinct

    select program_id, action_id
    from {{ previous }}
),
{% endif %}

repeated_ids as (
    select loaded.program_id, loaded.action_id
    from loaded
    {% if previous %}
    inner join checked_ids
        on
            loaded.program_id = checked_ids.program_id
            and loaded.action_id = checked_ids.action_id
    {% endif %}
    group by loaded.program_id, loaded.action_id
    having count(*) > 1
),

repeated as (
    select
        loaded.program_id,
        loaded.action_id,
        loaded.partner_id,
        count(*) as loaded_rows,
        min(loaded.loaded_row) = max(loaded.loaded_row) as is_copied,
        min(loaded.loaded_row) as loaded_row
    from loaded
    inner join repeated_ids
        on
            loaded.program_id = repeated_ids.program_id
            and loaded.action_id = repeated_ids.action_id
    group by loaded.program_id, loaded.action_id, loaded.partner_id
),

-- What the daily facts count depends on values in the partner's checksum only, because they are computed again when it
-- changes.
filtered as (
    select
        filtered_actions.program_id,
        filtered_actions.action_id,
        filtered_actions.partner_id,
        count(*) as actions,
        sum(filtered_actions.amount) as revenue,
        min(filtered_actions.amount) as amount,
        min(filtered_actions.event_at) = max(filtered_actions.event_at)
        and min(filtered_actions.amount) = max(filtered_actions.amount) as is_counted
    from filtered_actions
    inner join repeated_ids
        on
            filtered_actions.program_id = repeated_ids.program_id
            and filtered_actions.action_id = repeated_ids.action_id
    group by filtered_actions.program_id, filtered_actions.action_id, filtered_actions.partner_id
),

int_duplicate_actions as (
    select
        repeated.program_id,
        repeated.action_id,
        repeated.partner_id,
        repeated.loaded_rows,
        repeated.is_copied,
        count(*) over (partition by repeated.program_id, repeated.action_id) > 1 as is_of_several_partners,
        coalesce(filtered.is_counted, false) as is_counted,
        cast(coalesce(filtered.actions, 0) - case when filtered.is_counted then 1 else 0 end as bigint)
            as uncounted_actions,
        cast(
            coalesce(filtered.revenue, 0) - case when filtered.is_counted then filtered.amount else 0 end
            as {{ type_amount() }}
        ) as uncounted_revenue,
        repeated.loaded_row
    from repeated
    left join filtered
        on
            repeated.program_id = filtered.program_id
            and repeated.action_id = filtered.action_id
            and repeated.partner_id = filtered.partner_id
)

select * from int_duplicate_actions
