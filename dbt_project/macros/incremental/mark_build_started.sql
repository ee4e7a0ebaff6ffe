{#- Count this build in raw.build_state before it changes anything, which invalidates the state recorded there.
    `partnerflow run` records the state again after a successful build; until then, its next build is a full
    refresh. -#}
{% macro mark_build_started() -%}
    {%- if execute and flags.WHICH in ['build', 'run'] -%}
        {%- set build_state = adapter.get_relation(target.get('database'), 'raw', 'build_state') -%}
        {%- if build_state is not none -%}
            {%- set counted = 'update ' ~ build_state ~ ' set builds_since = builds_since + 1 where true' -%}
            {%- do adapter.execute(counted, auto_begin=true) -%}
            {%- do adapter.commit() -%}  {#- dbt rolls back the open transaction of a hook -#}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
