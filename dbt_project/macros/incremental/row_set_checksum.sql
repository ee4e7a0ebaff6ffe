{#- A checksum of a set of rows: of these columns of the rows for which `condition` is true. It does not depend on the
    order of the rows, and differs when a row is added, removed or changed. It is compared with the checksum of the
    previous build; a new release of an engine that hashes differently makes every partner a changed one. -#}
{% macro row_set_checksum(columns, condition='true') -%}
    {{ return(adapter.dispatch('row_set_checksum')(columns | join(', '), condition)) }}
{%- endmacro %}

{#- The number of rows, above the exclusive or of their hashes, which DuckDB computes faster than a sum: a row that is
    there twice cancels itself out, but is counted. So one of two sets must have no duplicates, as the tests of its key
    ensure. Hashed twice, because DuckDB's hash of several columns is itself an exclusive or of theirs: the same change
    in two rows would cancel itself out, too. -#}
{% macro default__row_set_checksum(columns, condition) -%}
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
