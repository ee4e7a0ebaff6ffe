{#- How models read JSON on each engine: payloads of email providers, and what loaders leave nested (JSON, a struct
    or list, or the text of one). A model names keys and never writes an engine's own operators.

    DuckDB, PostgreSQL and Snowflake have a type for JSON. On the other engines JSON is its text here: their types for
    it cannot be stored by every table format, or ignore the case of keys. -#}

{#- The text as JSON, or null when it is not valid JSON: an invalid payload never fails a build. -#}
{% macro try_parse_json(text) -%}
    {{ return(adapter.dispatch('try_parse_json')(text)) }}
{%- endmacro %}

{% macro default__try_parse_json(text) -%}
    {{ missing_implementation('try_parse_json') }}
{%- endmacro %}

{% macro duckdb__try_parse_json(text) -%}
    case when json_valid({{ text }}) then cast({{ text }} as json) end
{%- endmacro %}

{#- Checked as jsonb: json accepts escapes such as \u0000, which PostgreSQL cannot read as text later. -#}
{% macro postgres__try_parse_json(text) -%}
    cast(case when pg_input_is_valid({{ text }}, 'jsonb') then {{ text }} end as json)
{%- endmacro %}

{#- Its parser ignores what follows a value, so the text is read as the only element of an array. -#}
{% macro spark__try_parse_json(text) -%}
    case when size(from_json('[' || {{ text }} || ']', 'array<string>')) = 1 then {{ text }} end
{%- endmacro %}

{% macro snowflake__try_parse_json(text) -%}
    try_parse_json({{ text }})
{%- endmacro %}

{% macro bigquery__try_parse_json(text) -%}
    case when safe.parse_json({{ text }}, wide_number_mode => 'round') is not null then {{ text }} end
{%- endmacro %}

{% macro redshift__try_parse_json(text) -%}
    case when can_json_parse({{ text }}) then {{ text }} end
{%- endmacro %}

{% macro trino__try_parse_json(text) -%}
    case when try(json_parse({{ text }})) is not null then {{ text }} end
{%- endmacro %}

{#- The value at a path of keys, as text; null where it is missing. A number in `keys` is a position in an array. -#}
{% macro json_text(json, keys) -%}
    {{ return(adapter.dispatch('json_text')(json, keys)) }}
{%- endmacro %}

{% macro default__json_text(json, keys) -%}
    {{ missing_implementation('json_text') }}
{%- endmacro %}

{% macro duckdb__json_text(json, keys) -%}
    json_extract_string(cast({{ json }} as json), '{{ json_path(keys) }}')
{%- endmacro %}

{% macro postgres__json_text(json, keys) -%}
    (cast({{ json }} as json) #>> '{{ "{" ~ keys | join(",") ~ "}" }}')
{%- endmacro %}

{#- An element that is a string has no quotes there, so it is its own text. -#}
{% macro spark__json_text(json, keys) -%}
    {{ "get_json_object(" ~ json ~ ", '" ~ json_path(keys, quote="") ~ "')" if keys else json }}
{%- endmacro %}

{% macro snowflake__json_text(json, keys) -%}
    cast({{ snowflake__json_value(json, keys) if keys else json }} as varchar)
{%- endmacro %}

{#- Functions for scalars return null for an object or an array, and the others its text. -#}
{% macro bigquery__json_text(json, keys) -%}
    coalesce(json_value({{ json }}, '{{ json_path(keys) }}'), json_query({{ json }}, '{{ json_path(keys) }}'))
{%- endmacro %}

{% macro trino__json_text(json, keys) -%}
    {%- set path = json_path(keys, brackets=true) -%}
    coalesce(
        try(json_extract_scalar({{ json }}, '{{ path }}')),
        try(json_format(json_extract({{ json }}, '{{ path }}')))
    )
{%- endmacro %}

{#- An empty text is a missing value: Redshift returns it for a key that does not exist. -#}
{% macro redshift__json_text(json, keys) -%}
    {%- if not keys -%}
        {{ return(json) }}
    {%- endif -%}
    {%- set path = namespace(value=json, names=[]) -%}
    {%- for key in keys -%}
        {%- if key is number -%}
            {%- set path.value = redshift__json_text(path.value, path.names) -%}
            {%- set path.value = 'json_extract_array_element_text(' ~ path.value ~ ', ' ~ key ~ ', true)' -%}
            {%- set path.names = [] -%}
        {%- else -%}
            {%- set path.names = path.names + [key] -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if path.names -%}
        nullif(json_extract_path_text({{ path.value }}, '{{ path.names | join("', '") }}', true), '')
    {%- else -%}
        nullif({{ path.value }}, '')
    {%- endif -%}
{%- endmacro %}

{#- The value at a path of keys, as JSON; null where it is missing. -#}
{% macro json_value(json, keys) -%}
    {{ return(adapter.dispatch('json_value')(json, keys)) }}
{%- endmacro %}

{% macro default__json_value(json, keys) -%}
    {{ missing_implementation('json_value') }}
{%- endmacro %}

{% macro duckdb__json_value(json, keys) -%}
    json_extract(cast({{ json }} as json), '{{ json_path(keys) }}')
{%- endmacro %}

{% macro postgres__json_value(json, keys) -%}
    (cast({{ json }} as json) #> '{{ "{" ~ keys | join(",") ~ "}" }}')
{%- endmacro %}

{% macro spark__json_value(json, keys) -%}
    {{ return(spark__json_text(json, keys)) }}
{%- endmacro %}

{#- A loader's column may be a VARIANT or its text: parsed as text, both are the same. -#}
{% macro snowflake__json_value(json, keys) -%}
    {%- set value = 'try_parse_json(cast(' ~ json ~ ' as varchar))' -%}
    {{ "get_path(" ~ value ~ ", '" ~ json_path(keys)[2:] ~ "')" if keys else value }}
{%- endmacro %}

{% macro bigquery__json_value(json, keys) -%}
    {{ "json_query(" ~ json ~ ", '" ~ json_path(keys) ~ "')" if keys else json }}
{%- endmacro %}

{% macro trino__json_value(json, keys) -%}
    {%- set path = json_path(keys, brackets=true) -%}
    {{ "try(json_format(json_extract(" ~ json ~ ", '" ~ path ~ "')))" if keys else json }}
{%- endmacro %}

{% macro redshift__json_value(json, keys) -%}
    {{ return(redshift__json_text(json, keys)) }}
{%- endmacro %}

{#- A select of the columns, which are expressions, with one row per element of a JSON array of each row of a relation.
    A value that is not an array has no rows; with `wrap_value`, it is the only element. -#}
{% macro select_json_elements(relation, columns, json, element, wrap_value=false) -%}
    {{ return(adapter.dispatch('select_json_elements')(relation, columns | join(', '), json, element, wrap_value)) }}
{%- endmacro %}

{% macro default__select_json_elements(relation, columns, json, element, wrap_value) -%}
    {{ missing_implementation('select_json_elements') }}
{%- endmacro %}

{% macro duckdb__select_json_elements(relation, columns, json, element, wrap_value) -%}
    {%- set value = 'cast(' ~ json ~ ' as json)' -%}
    {%- set otherwise = '[' ~ value ~ ']' if wrap_value else 'null' -%}
    select
        {{ columns }},
        unnest(
            case when json_type({{ value }}) = 'ARRAY' then cast({{ value }} as json []) else {{ otherwise }} end
        ) as {{ element }}
    from {{ relation }}
{%- endmacro %}

{% macro postgres__select_json_elements(relation, columns, json, element, wrap_value) -%}
    {%- set value = 'cast(' ~ json ~ ' as json)' -%}
    {%- set otherwise = 'json_build_array(' ~ value ~ ')' if wrap_value else 'null' -%}
    select
        {{ columns }},
        json_array_elements(
            case when json_typeof({{ value }}) = 'array' then {{ value }} else {{ otherwise }} end
        ) as {{ element }}
    from {{ relation }}
{%- endmacro %}

{% macro spark__select_json_elements(relation, columns, json, element, wrap_value) -%}
    select
        {{ columns }},
        explode(
            case
                when {{ matches(json, '^\\s*\\[') }} then from_json({{ json }}, 'array<string>')
                {{ 'else array(' ~ json ~ ')' if wrap_value }}
            end
        ) as {{ element }}
    from {{ relation }}
{%- endmacro %}

{% macro snowflake__select_json_elements(relation, columns, json, element, wrap_value) -%}
    {%- set value = 'try_parse_json(cast(' ~ json ~ ' as varchar))' -%}
    {%- set otherwise = 'array_construct(' ~ value ~ ')' if wrap_value else 'null' -%}
    select
        {{ columns }},
        elements.value as {{ element }}
    from {{ relation }},
        lateral flatten(input => iff(is_array({{ value }}), {{ value }}, {{ otherwise }}), mode => 'ARRAY') as elements
{%- endmacro %}

{% macro bigquery__select_json_elements(relation, columns, json, element, wrap_value) -%}
    {%- set array = 'json_query_array(' ~ json ~ ')' -%}
    select
        {{ columns }},
        {{ element }}
    from {{ relation }}
    cross join unnest({{ 'coalesce(' ~ array ~ ', [' ~ json ~ '])' if wrap_value else array }}) as {{ element }}
{%- endmacro %}

{% macro trino__select_json_elements(relation, columns, json, element, wrap_value) -%}
    {%- set value = 'try(json_parse(' ~ json ~ '))' -%}
    {%- set array = 'try_cast(' ~ value ~ ' as array(json))' -%}
    select
        {{ columns }},
        json_format(elements.element) as {{ element }}
    from {{ relation }}
    cross join unnest(
        {{ 'coalesce(' ~ array ~ ', array[' ~ value ~ '])' if wrap_value else array }}
    ) as elements (element)
{%- endmacro %}

{#- Only a column can be unnested there, of a table that the same FROM names. -#}
{% macro redshift__select_json_elements(relation, columns, json, element, wrap_value) -%}
    {%- set value = 'json_parse(case when can_json_parse(' ~ json ~ ') then ' ~ json ~ ' end)' -%}
    {%- set otherwise = 'array(' ~ value ~ ')' if wrap_value else 'null' -%}
    select
        {{ columns }},
        case when is_varchar(one) then cast(one as varchar) else json_serialize(one) end as {{ element }}
    from (
        select *, case when is_array({{ value }}) then {{ value }} else {{ otherwise }} end as json_elements
        from {{ relation }}
    ) as parsed, parsed.json_elements as one
{%- endmacro %}

{#- The JSON path of a list of keys. DuckDB needs quotes around keys such as `event-data`; Spark does not know them, and
    Trino has such keys in brackets. -#}
{% macro json_path(keys, quote='"', brackets=false) -%}
    {%- set steps = [] -%}
    {%- for key in keys -%}
        {%- if key is number -%}
            {%- do steps.append('[' ~ key ~ ']') -%}
        {%- else -%}
            {%- do steps.append('["' ~ key ~ '"]' if brackets else '.' ~ quote ~ key ~ quote) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return('$' ~ steps | join('')) }}
{%- endmacro %}

{#- A JSON object, as text, of columns of a row: the names of the columns are its keys, and its values are text or null.
    Rows that are equal in these columns have the same text. -#}
{% macro json_object(columns) -%}
    {%- set texts = [] -%}
    {%- for column in columns -%}
        {%- do texts.append('cast(' ~ column_name(column) ~ ' as ' ~ dbt.type_string() ~ ')') -%}
    {%- endfor -%}
    {{ return(adapter.dispatch('json_object')(columns, texts)) }}
{%- endmacro %}

{% macro default__json_object(names, texts) -%}
    {{ missing_implementation('json_object') }}
{%- endmacro %}

{% macro duckdb__json_object(names, texts) -%}
    cast(json_object({{ json_pairs(names, texts) }}) as varchar)
{%- endmacro %}

{% macro postgres__json_object(names, texts) -%}
    cast(json_build_object({{ json_pairs(names, texts) }}) as text)
{%- endmacro %}

{% macro spark__json_object(names, texts) -%}
    to_json(named_struct({{ json_pairs(names, texts) }}), map('ignoreNullFields', 'false'))
{%- endmacro %}

{% macro snowflake__json_object(names, texts) -%}
    to_json(object_construct_keep_null({{ json_pairs(names, texts) }}))
{%- endmacro %}

{% macro bigquery__json_object(names, texts) -%}
    to_json_string(struct({% for text in texts %}{{ text }} as {{ names[loop.index0] }}{{ ', ' if not loop.last }}{% endfor %}))
{%- endmacro %}

{% macro trino__json_object(names, texts) -%}
    json_format(cast(map(array['{{ names | join("', '") }}'], array[{{ texts | join(', ') }}]) as json))
{%- endmacro %}

{% macro redshift__json_object(names, texts) -%}
    json_serialize(object({{ json_pairs(names, texts) }}))
{%- endmacro %}

{#- Names and values in turn, as most engines take them. -#}
{% macro json_pairs(names, texts) -%}
    {%- for text in texts -%}'{{ names[loop.index0] }}', {{ text }}{{ ', ' if not loop.last }}{%- endfor -%}
{%- endmacro %}
