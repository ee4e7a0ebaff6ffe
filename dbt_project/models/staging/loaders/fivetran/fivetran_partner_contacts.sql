{{ config(enabled=var('loader') == 'fivetran') }}

with partners as (
    select * from {{ ref('fivetran_partners') }}
),

people as (
    select
        cast(id as {{ dbt.type_string() }}) as partner_id,
        {{ unnest_json_array('contacts') }} as contact
    from {{ source('impact', 'partners') }}
),

-- Contacts unsubscribe from one program at a time.
unsubscribed as (
    select
        cast(campaign_id as {{ dbt.type_string() }}) as program_id,
        cast(partner_id as {{ dbt.type_string() }}) as partner_id,
        lower(trim(user_email)) as email,
        max({{ to_utc('created_at') }}) as unsubscribed_at
    from {{ source('impact', 'unsubscribed_contacts') }}
    group by campaign_id, partner_id, lower(trim(user_email))
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
    left join unsubscribed
        on
            ranked.program_id = unsubscribed.program_id
            and ranked.partner_id = unsubscribed.partner_id
            and lower(trim(ranked.email)) = unsubscribed.email
    where ranked.position_in_address = 1
)

select * from fivetran_partner_contacts
