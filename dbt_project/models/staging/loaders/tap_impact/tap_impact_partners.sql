{{ config(enabled=var('loader') == 'tap_impact') }}

with media_partners as (
    select
        {{ id_text('id') }} as partner_id,
        name,
        campaigns,
        {{ loaded_at_utc() }} as _loaded_at
    from {{ source('impact', 'media_partners') }}
),

-- A partner that has joined programs lists them.
campaigns as (
    {{ select_json_elements('media_partners', ['partner_id'], 'campaigns', 'campaign') }}
),

-- A partner that has joined none belongs to the programs whose prospects, contracts or transitions name it.
memberships as (
    select {{ id_text(json_text('campaign', ['campaign_id'])) }} as program_id, partner_id
    from campaigns

    union distinct

    select {{ id_text('program_id') }} as program_id, {{ id_text('partner_id') }} as partner_id
    from {{ source('raw', 'prospects') }}

    union distinct

    select {{ id_text('program_id') }} as program_id, {{ id_text('partner_id') }} as partner_id
    from {{ source('raw', 'contracts') }}

    union distinct

    select {{ id_text('program_id') }} as program_id, {{ id_text('partner_id') }} as partner_id
    from {{ source('raw', 'relationship_events') }}
),

-- The source has no languages.
tap_impact_partners as (
    select
        memberships.program_id,
        media_partners.partner_id,
        media_partners.name,
        cast(null as {{ dbt.type_string() }}) as language,
        media_partners._loaded_at
    from media_partners
    inner join memberships on media_partners.partner_id = memberships.partner_id
)

select * from tap_impact_partners
