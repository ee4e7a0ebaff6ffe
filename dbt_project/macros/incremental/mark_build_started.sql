{#- Count this build in raw.build_state before it changes anything: what is recorded there is not valid any more.
    `partnerflow run` records the state again after a build without a failure, and rebuilds everything otherwise. -#}
{% macro mark_build_started() -%}
    {%- if execute and flags.WHICH in ['build', 'run'] -%}
        {%- set build_state = adapter.get_relation(target.database, 'raw', 'build_state') -%}
        {%- if build_state is not none -%}
            {%- do run_query('update ' ~ build_state ~ ' set builds_since = builds_since + 1') -%}
            {%- do adapter.commit() -%}  {#- dbt rolls back what a hook leaves open -#}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
