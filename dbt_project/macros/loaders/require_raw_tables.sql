{#- Raise an error before anything is built if the table of a declared source is missing. Without it, the build
    fails with a database error in some view, which does not say what to do. -#}
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
                'No table ' ~ missing | join(', ') ~ '. A loader creates the raw tables, and `partnerflow run` its own '
                ~ '(addresses, copy_addresses, evaluations, sent_emails, suppressions, unreadable_payloads, workflow_runs). '
                ~ 'For the example account, `partnerflow load-example` creates all of them.'
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
