{#- Regular expressions in the syntax that the engines share. A pattern is written as it is, and each engine's macro
    escapes it for a string literal; a model never writes one in a literal of its own. -#}

{#- Whether a text contains a match of a pattern. -#}
{% macro matches(text, pattern) -%}
    {{ return(adapter.dispatch('matches')(text, pattern)) }}
{%- endmacro %}

{% macro default__matches(text, pattern) -%}
    {{ missing_implementation('matches') }}
{%- endmacro %}

{% macro duckdb__matches(text, pattern) -%}
    regexp_matches({{ text }}, {{ dbt.string_literal(dbt.escape_single_quotes(pattern)) }})
{%- endmacro %}

{% macro postgres__matches(text, pattern) -%}
    ({{ text }} ~ {{ dbt.string_literal(dbt.escape_single_quotes(pattern)) }})
{%- endmacro %}

{% macro spark__matches(text, pattern) -%}
    ({{ text }} rlike {{ backslash_literal(pattern) }})
{%- endmacro %}

{#- REGEXP_LIKE compares the whole text there. -#}
{% macro snowflake__matches(text, pattern) -%}
    (regexp_instr({{ text }}, {{ backslash_literal(pattern) }}) > 0)
{%- endmacro %}

{% macro bigquery__matches(text, pattern) -%}
    regexp_contains({{ text }}, {{ backslash_literal(pattern) }})
{%- endmacro %}

{% macro redshift__matches(text, pattern) -%}
    ({{ text }} ~ {{ backslash_literal(pattern) }})
{%- endmacro %}

{% macro trino__matches(text, pattern) -%}
    regexp_like({{ text }}, {{ dbt.string_literal(dbt.escape_single_quotes(pattern)) }})
{%- endmacro %}

{#- The text with every match of a pattern replaced; `\1` in the replacement is the first group of the match. -#}
{% macro replace_matches(text, pattern, replacement) -%}
    {{ return(adapter.dispatch('replace_matches')(text, pattern, replacement)) }}
{%- endmacro %}

{% macro default__replace_matches(text, pattern, replacement) -%}
    {{ missing_implementation('replace_matches') }}
{%- endmacro %}

{% macro duckdb__replace_matches(text, pattern, replacement) -%}
    regexp_replace({{ text }}, {{ dbt.string_literal(dbt.escape_single_quotes(pattern)) }}, '{{ replacement }}', 'g')
{%- endmacro %}

{% macro postgres__replace_matches(text, pattern, replacement) -%}
    {{ return(duckdb__replace_matches(text, pattern, replacement)) }}
{%- endmacro %}

{% macro spark__replace_matches(text, pattern, replacement) -%}
    regexp_replace({{ text }}, {{ backslash_literal(pattern) }}, '{{ replacement | replace("\\1", "$1") }}')
{%- endmacro %}

{% macro snowflake__replace_matches(text, pattern, replacement) -%}
    regexp_replace({{ text }}, {{ backslash_literal(pattern) }}, {{ backslash_literal(replacement) }})
{%- endmacro %}

{% macro bigquery__replace_matches(text, pattern, replacement) -%}
    {{ return(snowflake__replace_matches(text, pattern, replacement)) }}
{%- endmacro %}

{% macro redshift__replace_matches(text, pattern, replacement) -%}
    {{ return(spark__replace_matches(text, pattern, replacement)) }}
{%- endmacro %}

{% macro trino__replace_matches(text, pattern, replacement) -%}
    regexp_replace({{ text }}, {{ dbt.string_literal(dbt.escape_single_quotes(pattern)) }}, '{{ replacement | replace("\\1", "$1") }}')
{%- endmacro %}

{#- A text as a literal, where a backslash is an escape, and two quotes are the end of one literal and the start of the
    next. -#}
{% macro backslash_literal(text) -%}
    {{ return("'" ~ text | replace("\\", "\\\\") | replace("'", "\\'") ~ "'") }}
{%- endmacro %}
