{#- The columns are a key: unique together, and none of them null. Returns the keys that are not. Two options save an
    hour from reading all rows again. With `of_partners`, a relation of programs and partners, only their rows are tested, and
    rows that lack a part of the key (a key without the partner is that of actions, whose view joins; over it, `exists`
    takes DuckDB twice as long as another join). With `keys_of` and `or_where`, all rows are tested that share a key with
    a row of these partners or with a row that meets the condition; these must be all keys that may be new. Unless the
    previous build is valid, all rows are tested then. -#}
{% test unique_combination_of_columns(
    model, combination_of_columns, of_partners=none, keys_of=none, or_where='false'
) %}
    {% set key = combination_of_columns | join(', ') %}
    {% set incomplete = combination_of_columns | join(' is null or ') ~ ' is null' %}
    with tested as (
        {% if of_partners %}
            select all_rows.*
            from {{ model }} as all_rows
            {{ 'where ' ~ exists_for_partner(of_partners, 'all_rows') if 'partner_id' in combination_of_columns
                else 'inner join ' ~ of_partners ~ ' as partners using (program_id, partner_id)' }}
            union all
            select * from {{ model }} where {{ incomplete }}
        {% elif keys_of and previous_build_is_valid() %}
            select all_rows.*
            from {{ model }} as all_rows
            inner join (
                select {{ key }} from {{ model }} as own_rows where {{ exists_for_partner(keys_of, 'own_rows') }}
                union distinct
                select {{ key }} from {{ model }} where {{ or_where }}
            ) as new_keys using ({{ key }})
            union all
            select * from {{ model }} where {{ incomplete }}
        {% else %}
            select * from {{ model }}
        {% endif %}
    )

    select {{ key }}, count(*) as occurrences
    from tested
    group by {{ key }}
    having count(*) > 1 or {{ incomplete }}
{% endtest %}
