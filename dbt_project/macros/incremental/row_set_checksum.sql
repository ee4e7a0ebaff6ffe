{#- A checksum of `columns` over the rows for which `condition` is true. It does not depend on the order of the
    rows, and differs when a row is added, removed or changed. It is compared with the checksum of the previous
    build, so after an upgrade of the engine that changes its hash function, every partner counts as changed. -#}
{% macro row_set_checksum(columns, condition='true') -%}
    {{ return(adapter.dispatch('row_set_checksum')(columns | join(', '), condition)) }}
{%- endmacro %}

{% macro default__row_set_checksum(columns, condition) -%}
    {{ missing_implementation('row_set_checksum') }}
{%- endmacro %}

{#- The number of rows times 2^64, plus the exclusive or of their hashes, which DuckDB computes faster than a sum.
    Two equal rows cancel out in the exclusive or and show in the number only, so the rows must be unique, as the
    tests of the source's key ensure. Hashed twice, because DuckDB combines the hashes of several columns by
    exclusive or: the same change in two rows would cancel out as well. -#}
{% macro duckdb__row_set_checksum(columns, condition) -%}
    cast(
        cast(bit_xor(case when {{ condition }} then hash(hash({{ columns }})) end) as hugeint)
        + count(case when {{ condition }} then 1 end) * 18446744073709551616
        as decimal(38, 0)
    )
{%- endmacro %}

{% macro postgres__row_set_checksum(columns, condition) -%}
    sum(case when {{ condition }} then hash_record_extended(row({{ columns }}), 0) end)
{%- endmacro %}

{% macro spark__row_set_checksum(columns, condition) -%}
    sum(case when {{ condition }} then cast(xxhash64({{ columns }}) as decimal(20, 0)) end)
{%- endmacro %}
