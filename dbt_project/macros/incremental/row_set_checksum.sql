{#- A number that tells a set of rows: made of the hashes of these columns, of the rows for which `condition` holds. It
    is the same in whatever order the rows come, and another one when a row is added, removed or altered. To be compared
    within one statement: an engine may hash otherwise in its next release. -#}
{% macro row_set_checksum(columns, condition='true') -%}
    {{ return(adapter.dispatch('row_set_checksum')(columns | join(', '), condition)) }}
{%- endmacro %}

{#- The exclusive or of the hashes, which takes DuckDB less time than their sum, and above it the number of rows: a row
    that is there twice undoes itself, and counts. So of two sets, one must have no row twice, as a key is tested to be.
    Hashed once more, because DuckDB's hash of several columns is itself an exclusive or of theirs: a value that is
    altered in two rows alike would undo itself too. -#}
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
