{{ config(enabled=var('loader') == 'fivetran') }}

with partners as (
    select * from {{ ref('fivetran_partners') }}
),

addresses as (
    select * from {{ ref('stg_addresses') }}
),

people as (
    {{ select_json_elements(
        source('impact', 'partners'), [id_text('id') ~ ' as partner_id'], 'contacts', 'contact'
    ) }}
),

-- Contacts unsubscribe from one program at a time.
unsubscribed as (
    select
        {{ id_text('contacts.campaign_id') }} as program_id,
        {{ id_text('contacts.partner_id') }} as partner_id,
        addresses.email,
        max({{ to_utc('contacts.created_at') }}) as unsubscribed_at
    from {{ source('impact', 'unsubscribed_contacts') }} as contacts
    inner join addresses on contacts.user_email = addresses.loaded_email
    group by contacts.campaign_id, contacts.partner_id, addresses.email
),

contacts as (
    select
        partners.program_id,
        partners.partner_id,
        {{ json_text('people.contact', ['email']) }} as email,
        {{ json_text('people.contact', ['first_name']) }} as first_name,
        {{ json_text('people.contact', ['last_name']) }} as last_name,
        cast({{ json_text('people.contact', ['is_primary']) }} as {{ dbt.type_boolean() }}) as is_primary,
        partners._loaded_at
    from partners
    inner join people on partners.partner_id = people.partner_id
),

ranked as (
    select
        *,
        row_number() over (
            partition by program_id, partner_id, email
            order by case when is_primary then 0 else 1 end, {{ collate_binary('first_name') }}
        ) as position_in_address
    from contacts
    where email is not null
),

fivetran_partner_contacts as (
    select
        ranked.program_id,
        ranked.partner_id,
        ranked.email,
        ranked.first_name,
        ranked.last_name,
        coalesce(ranked.is_primary, false) as is_primary,
        unsubscribed.unsubscribed_at,
        ranked._loaded_at
    from ranked
    left join addresses on ranked.email = addresses.loaded_email
    left join unsubscribed
        on
            ranked.program_id = unsubscribed.program_id
            and ranked.partner_id = unsubscribed.partner_id
            and addresses.email = unsubscribed.email
    where ranked.position_in_address = 1
)

select * from fivetran_partner_contacts
