{#- Whether the tables are what the build before this one has made of the sources as they were then, with nothing
    failed: it is remembered in raw.build_state, and this build is the first since. -#}
{% macro previous_build_is_valid() -%}
    {%- if execute and not flags.FULL_REFRESH -%}
        {%- set memory = adapter.get_relation(target.database, 'raw', 'build_state') -%}
        {%- if memory is not none -%}
            {%- set first = run_query('select count(*) from ' ~ memory ~ ' where builds_since = 1') -%}
            {{ return(first.columns[0].values()[0] > 0) }}
        {%- endif -%}
    {%- endif -%}
    {{ return(false) }}
{%- endmacro %}

{#- Before anything is built: what `partnerflow run` remembers of the build before is as many builds old, and stands no
    longer. It remembers anew when nothing has failed, and builds everything while nothing stands. -#}
{% macro mark_build_started() -%}
    {%- if execute and flags.WHICH in ['build', 'run'] -%}
        {%- set memory = adapter.get_relation(target.database, 'raw', 'build_state') -%}
        {%- if memory is not none -%}
            {%- do run_query('update ' ~ memory ~ ' set builds_since = builds_since + 1') -%}
            {%- do adapter.commit() -%}  {#- dbt rolls back what a hook leaves open -#}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
