{{ config(enabled=var('loader') == 'tap_impact') }}

with partners as (
    select * from {{ ref('tap_impact_partners') }}
),

media_partners as (
    select * from {{ source('impact', 'media_partners') }}
),

contacts as (
    select * from {{ source('impact', 'contacts') }}
),

-- The partner's own contact.
own as (
    select
        partners.program_id,
        partners.partner_id,
        {{ json_text('media_partners.contact', ['email_address']) }} as email,
        {{ json_text('media_partners.contact', ['first_name']) }} as first_name,
        {{ json_text('media_partners.contact', ['last_name']) }} as last_name,
        partners._loaded_at
    from partners
    inner join media_partners on partners.partner_id = {{ id_text('media_partners.id') }}
),

-- People that the brand has noted: `accounts` are the partners that they work for, a list or a single one.
noted as (
    {{ select_json_elements(
        'contacts',
        ['campaign_id', 'email_address', 'first_name', 'last_name', loaded_at_utc() ~ ' as _loaded_at'],
        'accounts', 'account'
    ) }}
),

noted_people as (
    select
        campaign_id, email_address, first_name, last_name,
        {{ id_text(json_text('account', ['id'])) }} as partner_id,
        _loaded_at
    from noted

    union all

    select
        campaign_id, email_address, first_name, last_name,
        {{ id_text(json_text('accounts', ['account', 'id'])) }} as partner_id,
        {{ loaded_at_utc() }} as _loaded_at
    from contacts
),

-- The source has no unsubscriptions: they come from raw.partner_contacts, which may contain other contacts as well.
everybody as (
    select
        program_id, partner_id, email, first_name, last_name,
        1 as is_own,
        0 as is_primary,
        cast(null as {{ dbt.type_timestamp() }}) as unsubscribed_at,
        _loaded_at
    from own

    union all

    select
        {{ id_text('campaign_id') }} as program_id,
        partner_id, email_address, first_name, last_name,
        0 as is_own,
        0 as is_primary,
        null as unsubscribed_at,
        _loaded_at
    from noted_people

    union all

    select
        {{ id_text('program_id') }} as program_id,
        {{ id_text('partner_id') }} as partner_id,
        email, first_name, last_name,
        0 as is_own,
        case when is_primary then 1 else 0 end as is_primary,
        unsubscribed_at,
        _loaded_at
    from {{ source('raw', 'partner_contacts') }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by program_id, partner_id, email
            order by is_primary desc, is_own desc, {{ collate_binary('first_name') }}
        ) as position_in_address,
        max(unsubscribed_at) over (partition by program_id, partner_id, email) as unsubscribed_last_at,
        max(is_primary) over (partition by program_id, partner_id) as names_a_primary
    from everybody
    where email is not null and partner_id is not null
),

-- The partner's own contact is the primary one, unless raw.partner_contacts names another.
tap_impact_partner_contacts as (
    select
        program_id,
        partner_id,
        email,
        first_name,
        last_name,
        case when names_a_primary = 1 then is_primary = 1 else is_own = 1 end as is_primary,
        unsubscribed_last_at as unsubscribed_at,
        _loaded_at
    from ranked
    where position_in_address = 1
)

select * from tap_impact_partner_contacts
