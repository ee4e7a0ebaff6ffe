{#- Every declared source must be there before anything is built. A missing table would otherwise show as a database
    error in some view; here it is named, with the remedy. -#}
{% macro require_raw_tables() -%}
    {%- if execute and flags.WHICH in ['build', 'run'] -%}
        {%- set missing = [] -%}
        {%- for node in graph.sources.values() | sort(attribute='name') -%}
            {%- set table = adapter.get_relation(node.database, node.schema, node.identifier) -%}
            {%- if table is none -%}
                {%- do missing.append(node.schema ~ '.' ~ node.identifier) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if missing -%}
            {{ exceptions.raise_compiler_error(
                'No table ' ~ missing | join(', ') ~ '. A loader fills the raw tables and `partnerflow run` adds its own '
                ~ '(evaluations, sent_emails, suppressions, workflow_runs); `partnerflow load-example` makes them all for the example account.'
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
