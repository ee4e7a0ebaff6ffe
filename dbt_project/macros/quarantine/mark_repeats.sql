{#- Select the rows of a CTE with the column `quarantine_reason`: the row's own reason, or that other rows have its key.
    Of equal rows one is used, the first by `order_by`. Of rows that differ none is used, or with `first_is_used` the
    first. The CTE must have the columns `own_reason` and `loaded_row`. Only the rows of repeated keys are sorted. -#}
{% macro mark_repeats(rows, key, order_by='loaded_row', first_is_used=false) -%}
    {%- set same_key = [] -%}
    {%- for column in key -%}
        {%- set _ = same_key.append(rows ~ '.' ~ column ~ ' = repeated_keys.' ~ column) -%}
    {%- endfor -%}
    {%- set of_key = 'over (partition by ' ~ rows ~ '.' ~ key | join(', ' ~ rows ~ '.') -%}
    {%- set is_repeat = 'row_number() ' ~ of_key ~ ' order by ' ~ order_by ~ ') > 1' -%}
    with repeated_keys as (
        select {{ key | join(', ') }}
        from {{ rows }}
        where own_reason is null
        group by {{ key | join(', ') }}
        having count(*) > 1
    )

    select
        {{ rows }}.*,
        {{ rows }}.own_reason as quarantine_reason
    from {{ rows }}
    left join repeated_keys on {{ same_key | join(' and ') }}
    where {{ rows }}.own_reason is not null or repeated_keys.{{ key[0] }} is null

    union all

    select
        {{ rows }}.*,
        case
            when min(loaded_row) {{ of_key }}) <> max(loaded_row) {{ of_key }}) {{ 'and ' ~ is_repeat if first_is_used }}
                then 'another row has the same key and other values'
            when {{ is_repeat }} then 'a copy of another row'
        end as quarantine_reason
    from {{ rows }}
    inner join repeated_keys on {{ same_key | join(' and ') }}
    where {{ rows }}.own_reason is null
{%- endmacro %}
