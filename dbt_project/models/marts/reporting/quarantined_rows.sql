-- The previous table has the time at which each row was first seen. A row that has been corrected is gone.

{% set previous = load_relation(this) %}

with quarantined as (
    select
        table_name,
        row_key,
        reason,
        min(program_id) as program_id,
        case when min(partner_id) = max(partner_id) then min(partner_id) end as partner_id,
        sum(occurrences) as occurrences,
        min(loaded_row) as loaded_row
    from {{ ref('int_quarantined_rows') }}
    group by table_name, row_key, reason
),

hour as (
    select max(as_of) as as_of
    from {{ ref('stg_evaluations') }}
),

known as (
    {% if previous %}
    select table_name, row_key, reason, first_seen_at
    from {{ previous }}
    {% else %}
    select table_name, row_key, reason, cast(null as {{ dbt.type_timestamp() }}) as first_seen_at
    from quarantined
    where false
    {% endif %}
),

quarantined_rows as (
    select
        quarantined.table_name,
        quarantined.row_key,
        quarantined.reason,
        quarantined.program_id,
        quarantined.partner_id,
        cast(quarantined.occurrences as bigint) as occurrences,
        coalesce(known.first_seen_at, hour.as_of) as first_seen_at,
        quarantined.loaded_row
    from quarantined
    cross join hour
    left join known
        on
            quarantined.table_name = known.table_name
            and quarantined.row_key = known.row_key
            and quarantined.reason = known.reason
)

select * from quarantined_rows
