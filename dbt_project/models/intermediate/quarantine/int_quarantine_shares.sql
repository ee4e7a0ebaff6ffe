-- Of a program with few rows, a single bad row is a large share. Where the partners are known, only ten bad rows or
-- more can be too many, because these partners are held anyway (held_partners).

{% set tables = ['programs', 'partners', 'partner_groups', 'contracts', 'prospects', 'relationship_events'] %}

with quarantined as (
    select * from {{ ref('int_quarantined_rows') }}
    where concerns is not null
),

activity as (
    select * from {{ ref('int_partner_activity_checksums') }}
),

loaded as (
    {% for table in tables %}
    select '{{ table }}' as table_name, program_id, count(*) as loaded_rows
    from {{ ref('base_' ~ table) }}
    group by program_id

    union all
    {% endfor %}

    select 'partner_clicks_daily' as table_name, program_id, sum(click_rows) as loaded_rows
    from activity
    group by program_id

    union all

    select 'actions' as table_name, program_id, sum(actions) as loaded_rows
    from activity
    group by program_id
),

loaded_by_table as (
    select table_name, sum(loaded_rows) as loaded_rows
    from loaded
    group by table_name
),

set_aside as (
    select
        table_name,
        concerns,
        program_id,
        sum(occurrences) as set_aside_rows,
        sum(case when is_of_known_partner then 0 else occurrences end) as rows_of_unknown_partners,
        min(row_key || ' (' || reason || ')') as example
    from quarantined
    group by table_name, concerns, program_id
),

-- A row without a program may belong to any, so its share is that of the whole table. Activity that is set aside before
-- it is counted adds to the rows that were loaded.
counted as (
    select
        set_aside.*,
        {{ latest(
            'set_aside.set_aside_rows',
            'case when set_aside.program_id is null then loaded_by_table.loaded_rows else loaded.loaded_rows end'
        ) }} as loaded_rows
    from set_aside
    left join loaded
        on
            set_aside.table_name = loaded.table_name
            and set_aside.program_id = loaded.program_id
    left join loaded_by_table on set_aside.table_name = loaded_by_table.table_name
),

int_quarantine_shares as (
    select
        table_name,
        concerns,
        program_id,
        cast(set_aside_rows as bigint) as set_aside_rows,
        cast(loaded_rows as bigint) as loaded_rows,
        concerns = 'program'
        or (
            set_aside_rows > {{ var('set_aside_share') }} * loaded_rows
            and (rows_of_unknown_partners > 0 or set_aside_rows >= 10)
        ) as is_too_large,
        cast(cast(set_aside_rows as bigint) as {{ dbt.type_string() }}) || ' of '
        || cast(cast(loaded_rows as bigint) as {{ dbt.type_string() }}) || ' rows of raw.' || table_name
        || ' are set aside'
        || coalesce(' in program ' || program_id, '') || ', such as ' || example || '. Look at them by SELECT * FROM '
        || 'marts.quarantined_rows WHERE table_name = {{ dbt.escape_single_quotes("'") }}' || table_name
        || '{{ dbt.escape_single_quotes("'") }}, and correct them in the source'
            as finding
    from counted
)

select * from int_quarantine_shares
