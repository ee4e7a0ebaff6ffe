{#- A checksum of `columns` over the rows for which `condition` is true. It does not depend on the order of the
    rows, and differs when a row is added, removed or changed. It is compared with the checksum of the previous
    build, so after an upgrade of the engine that changes its hash function, every partner counts as changed. -#}
{% macro row_set_checksum(columns, condition='true') -%}
    {{ return(adapter.dispatch('row_set_checksum')(columns, condition)) }}
{%- endmacro %}

{% macro default__row_set_checksum(columns, condition) -%}
    {{ missing_implementation('row_set_checksum') }}
{%- endmacro %}

{#- The sum of the rows' hashes: of an exclusive or, two equal rows would cancel out. Hashed twice, because DuckDB
    combines the hashes of several columns by exclusive or, and the same change in two rows would cancel out. -#}
{% macro duckdb__row_set_checksum(columns, condition) -%}
    cast(sum(case when {{ condition }} then hash(hash({{ columns | join(', ') }})) end) as decimal(38, 0))
{%- endmacro %}

{% macro postgres__row_set_checksum(columns, condition) -%}
    sum(case when {{ condition }} then hash_record_extended(row({{ columns | join(', ') }}), 0) end)
{%- endmacro %}

{% macro spark__row_set_checksum(columns, condition) -%}
    sum(case when {{ condition }} then cast(xxhash64({{ columns | join(', ') }}) as decimal(20, 0)) end)
{%- endmacro %}

{% macro snowflake__row_set_checksum(columns, condition) -%}
    sum(case when {{ condition }} then hash({{ columns | join(', ') }}) end)
{%- endmacro %}

{% macro bigquery__row_set_checksum(columns, condition) -%}
    {%- set hashed = 'farm_fingerprint(to_json_string(struct(' ~ columns | join(', ') ~ ')))' -%}
    sum(case when {{ condition }} then cast({{ hashed }} as bignumeric) end)
{%- endmacro %}

{% macro trino__row_set_checksum(columns, condition) -%}
    {%- set text = 'json_format(cast(row(' ~ columns | join(', ') ~ ') as json))' -%}
    sum(case when {{ condition }} then cast(from_big_endian_64(xxhash64(to_utf8({{ text }}))) as decimal(38, 0)) end)
{%- endmacro %}

{#- The hash of one column is the seed of the next one's. -#}
{% macro redshift__row_set_checksum(columns, condition) -%}
    {%- set hashed = namespace(value='0') -%}
    {%- for column in columns -%}
        {%- set text = "coalesce(cast(" ~ column ~ " as varchar), 'null')" -%}
        {%- set hashed.value = 'fnv_hash(' ~ text ~ ', ' ~ hashed.value ~ ')' -%}
    {%- endfor -%}
    sum(case when {{ condition }} then cast({{ hashed.value }} as decimal(38, 0)) end)
{%- endmacro %}
