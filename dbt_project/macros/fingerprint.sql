{#- A number that tells a set of rows: the sum of the hashes of these columns, of the rows for which `condition` holds.
    It is the same in whatever order the rows come, and another one when a row is added, removed or altered. To be
    compared within one statement: an engine may hash otherwise in its next release. -#}
{% macro fingerprint(columns, condition='true') -%}
    {{ return(adapter.dispatch('fingerprint')(columns | join(', '), condition)) }}
{%- endmacro %}

{% macro default__fingerprint(columns, condition) -%}
    cast(sum(case when {{ condition }} then hash({{ columns }}) end) as decimal(38, 0))
{%- endmacro %}

{% macro postgres__fingerprint(columns, condition) -%}
    sum(case when {{ condition }} then hash_record_extended(row({{ columns }}), 0) end)
{%- endmacro %}

{% macro spark__fingerprint(columns, condition) -%}
    sum(case when {{ condition }} then cast(xxhash64({{ columns }}) as decimal(20, 0)) end)
{%- endmacro %}
