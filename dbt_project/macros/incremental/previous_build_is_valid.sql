{#- Whether the tables are the result of a successful build: `partnerflow run` recorded it in raw.build_state, and
    the current build is the first one since. -#}
{% macro previous_build_is_valid() -%}
    {%- if execute and not flags.FULL_REFRESH -%}
        {%- set build_state = adapter.get_relation(target.get('database'), 'raw', 'build_state') -%}
        {%- if build_state is not none -%}
            {%- set recorded = run_query('select count(*) from ' ~ build_state ~ ' where builds_since = 1') -%}
            {{ return(recorded.columns[0].values()[0] > 0) }}
        {%- endif -%}
    {%- endif -%}
    {{ return(false) }}
{%- endmacro %}
