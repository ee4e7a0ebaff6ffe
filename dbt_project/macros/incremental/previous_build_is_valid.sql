{#- Whether the tables are what the previous build made of the sources as they were then, without a failure:
    `partnerflow run` recorded it in raw.build_state, and this is the first build since. -#}
{% macro previous_build_is_valid() -%}
    {%- if execute and not flags.FULL_REFRESH -%}
        {%- set build_state = adapter.get_relation(target.database, 'raw', 'build_state') -%}
        {%- if build_state is not none -%}
            {%- set recorded = run_query('select count(*) from ' ~ build_state ~ ' where builds_since = 1') -%}
            {{ return(recorded.columns[0].values()[0] > 0) }}
        {%- endif -%}
    {%- endif -%}
    {{ return(false) }}
{%- endmacro %}
