{#- Whether a text is the name of an IANA time zone, in its letter case: the same names as in
    flows/warehouse/programs.py; tests/warehouse/test_programs.py compares the two. pytz comes with dbt. -#}
{% macro is_time_zone(text) -%}
    {{ text }} in ({% for name in modules.pytz.all_timezones %}'{{ name }}'{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}
