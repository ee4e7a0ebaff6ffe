{#- The relation with the rows of a raw table of the contract: the table itself, or the model that converts the
    tables of another loader to it (var `loader`, docs/bring-your-own-loader.md). -#}
{% macro raw_relation(table) -%}
    {%- set models = {
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
    {%- if var('loader') not in models -%}
        {{ exceptions.raise_compiler_error(
            var('loader') ~ ' is not a valid loader. Use one of ' ~ models | join(', ') ~ '.'
        ) }}
    {%- elif table in models[var('loader')] -%}
        {{ return(ref(models[var('loader')][table])) }}
    {%- else -%}
        {{ return(source('raw', table)) }}
    {%- endif -%}
{%- endmacro %}

{#- The UTC timestamp at which the loader read a row: from the column that the loader adds, or from the one that var
    `loaded_at_column` names. -#}
{% macro loaded_at_utc() -%}
    {%- set defaults = {'tap_impact': '_sdc_extracted_at', 'fivetran': '_fivetran_synced'} -%}
    {%- set column = var('loaded_at_column') or defaults[var('loader')] -%}
    {{ to_utc(column) }}
{%- endmacro %}
