{#- The relation that holds a raw table of the contract: the table itself, or the model that makes its rows of what
    another loader has loaded (var `loader`, docs/bring-your-own-loader.md). -#}
{% macro loaded(table) -%}
    {%- set made = {
        'raw': {},
        'tap_impact': {
            'partners': 'tap_impact_partners',
            'partner_contacts': 'tap_impact_partner_contacts',
            'partner_groups': 'impact_partner_groups',
            'actions': 'impact_actions',
        },
        'connector': {
            'partners': 'connector_partners',
            'partner_contacts': 'connector_partner_contacts',
            'partner_groups': 'impact_partner_groups',
            'actions': 'impact_actions',
            'contracts': 'connector_contracts',
            'partner_clicks_daily': 'connector_partner_clicks_daily',
        },
    } -%}
    {%- if var('loader') not in made -%}
        {{ exceptions.raise_compiler_error(
            'There is no loader ' ~ var('loader') ~ '. The loaders are ' ~ made | join(', ') ~ '.'
        ) }}
    {%- elif table in made[var('loader')] -%}
        {{ return(ref(made[var('loader')][table])) }}
    {%- else -%}
        {{ return(source('raw', table)) }}
    {%- endif -%}
{%- endmacro %}

{#- When the loader read a row, UTC: the column that it adds, or the one that var `loaded_at_column` names. -#}
{% macro loaded_at() -%}
    {%- set usual = {'tap_impact': '_sdc_extracted_at', 'connector': '_fivetran_synced'} -%}
    {%- set column = var('loaded_at_column') or usual[var('loader')] -%}
    {{ utc(column) }}
{%- endmacro %}
