{#- Raise an error: this engine has no implementation of a dispatched macro. Every macro that differs between engines
    has this as its `default__`, so that no engine gets the functions of another one. -#}
{% macro missing_implementation(name) -%}
    {{ exceptions.raise_compiler_error(
        name ~ ' has no macro ' ~ target.type ~ '__' ~ name ~ ' for this engine. Write it in macros/adapters/.'
    ) }}
{%- endmacro %}
