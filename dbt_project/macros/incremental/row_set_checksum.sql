{#- A checksum of `columns` over the rows for which `condition` is true. It does not depend on the order of the
    rows, and differs when a row is added, removed or changed. It is compared with the checksum of the previous
    build, so after an upgrade of the engine that changes its hash function, every partner counts as changed. -#}
{% macro row_set_checksum(columns, condition='true') -%}
    {{ return(adapter.dispatch('row_set_checksum')(columns | join(', '), condition)) }}
{%- endmacro %}

{% macro default__row_set_checksum(columns, condition) -%}
    {{ missing_implementation('row_set_checksum') }}
{%- endmacro %}

{#- The sum of the rows' hashes: of an exclusive or, two equal rows would cancel out. Hashed twice, because DuckDB
    combines the hashes of several columns by exclusive or, and the same change in two rows would cancel out. -#}
{% macro duckdb__row_set_checksum(columns, condition) -%}
    cast(sum(case when {{ condition }} then hash(hash({{ columns }})) end) as decimal(38, 0))
{%- endmacro %}

{% macro postgres__row_set_checksum(columns, condition) -%}
    sum(case when {{ condition }} then hash_record_extended(row({{ columns }}), 0) end)
{%- endmacro %}

{% macro spark__row_set_checksum(columns, condition) -%}
    sum(case when {{ condition }} then cast(xxhash64({{ columns }}) as decimal(20, 0)) end)
{%- endmacro %}
