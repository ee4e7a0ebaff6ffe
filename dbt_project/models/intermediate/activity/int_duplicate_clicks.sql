-- A build looks at changed partners, and at those that had duplicates before: no other partner can have any.

{% set previous = load_relation(this) if previous_build_is_valid() else none %}

with loaded as (
    select * from {{ ref('base_partner_clicks_daily') }}
    where quarantine_reason is null
),

changed_partners as (
    select * from {{ ref('int_changed_partners') }}
),

{% if previous %}
checked_partners as (
    select program_id, partner_id
    from changed_partners

    union distinct

    select program_id, partner_id
    from {{ previous }}
),
{% endif %}

int_duplicate_clicks as (
    select
        loaded.program_id,
        loaded.partner_id,
        loaded.click_date,
        count(*) as loaded_rows,
        min(loaded.clicks) = max(loaded.clicks) as is_copied,
        cast(
            sum(loaded.clicks) - case when min(loaded.clicks) = max(loaded.clicks) then min(loaded.clicks) else 0 end
            as bigint
        ) as uncounted_clicks,
        min(loaded.loaded_row) as loaded_row
    from loaded
    {% if previous %}
    inner join checked_partners
        on
            loaded.program_id = checked_partners.program_id
            and loaded.partner_id = checked_partners.partner_id
    {% endif %}
    group by loaded.program_id, loaded.partner_id, loaded.click_date
    having count(*) > 1
)

select * from int_duplicate_clicks
