{{ config(enabled=var('loader') == 'fivetran') }}

with partners as (
    select
        {{ id_text('id') }} as partner_id,
        name,
        programs,
        {{ loaded_at_utc() }} as _loaded_at
    from {{ source('impact', 'partners') }}
),

listed as (
    {{ select_json_elements('partners', ['partner_id'], 'programs', 'program') }}
),

-- A partner that has joined none belongs to the programs whose contracts, prospects or transitions name it.
memberships as (
    select {{ id_text(json_text('program', ['id'])) }} as program_id, partner_id
    from listed

    union distinct

    select program_id, partner_id
    from {{ ref('fivetran_contracts') }}

    union distinct

    select {{ id_text('program_id') }} as program_id, {{ id_text('partner_id') }} as partner_id
    from {{ source('raw', 'prospects') }}

    union distinct

    select {{ id_text('program_id') }} as program_id, {{ id_text('partner_id') }} as partner_id
    from {{ source('raw', 'relationship_events') }}
),

fivetran_partners as (
    select
        memberships.program_id,
        partners.partner_id,
        partners.name,
        cast(null as {{ dbt.type_string() }}) as language,
        partners._loaded_at
    from partners
    inner join memberships on partners.partner_id = memberships.partner_id
)

select * from fivetran_partners
