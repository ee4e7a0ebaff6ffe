{#- The relation that holds a raw table of the contract: the table itself, or the model that makes its rows of what
    another loader has loaded (var `loader`, docs/bring-your-own-loader.md). -#}
{% macro raw_relation(table) -%}
    {%- set made = {
        'contract': {},
        'tap_impact': {
            'partners': 'tap_impact_partners',
            'partner_contacts': 'tap_impact_partner_contacts',
            'partner_groups': 'shared_partner_groups',
            'actions': 'shared_actions',
        },
        'fivetran': {
            'partners': 'fivetran_partners',
            'partner_contacts': 'fivetran_partner_contacts',
            'partner_groups': 'shared_partner_groups',
            'actions': 'shared_actions',
            'contracts': 'fivetran_contracts',
            'partner_clicks_daily': 'fivetran_partner_clicks_daily',
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
{% macro loaded_at_utc() -%}
    {%- set usual = {'tap_impact': '_sdc_extracted_at', 'fivetran': '_fivetran_synced'} -%}
    {%- set column = var('loaded_at_column') or usual[var('loader')] -%}
    {{ to_utc(column) }}
{%- endmacro %}
