{{ config(enabled=var('loader') in ('tap_impact', 'fivetran')) }}

with media_partner_groups as (
    {{ select_json_elements(
        source('impact', 'media_partner_groups'),
        [
            id_text('campaign_id') ~ ' as program_id', id_text('id') ~ ' as group_id', 'name as group_name',
            loaded_at_utc() ~ ' as _loaded_at',
        ],
        'media_partners', 'media_partner'
    ) }}
),

shared_partner_groups as (
    select distinct
        program_id,
        group_id,
        {{ id_text(json_text('media_partner', ['partner_id'])) }} as partner_id,
        group_name,
        _loaded_at
    from media_partner_groups
)

select * from shared_partner_groups
