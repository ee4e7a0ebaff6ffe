with source as (
    select * from {{ raw_relation('partner_contacts') }}
),

addresses as (
    select * from {{ ref('stg_addresses') }}
),

contacts as (
    select
        {{ id_text('program_id') }} as program_id,
        {{ id_text('partner_id') }} as partner_id,
        cast(email as {{ dbt.type_string() }}) as loaded_email,
        cast(first_name as {{ dbt.type_string() }}) as first_name,
        cast(last_name as {{ dbt.type_string() }}) as last_name,
        cast(is_primary as {{ dbt.type_boolean() }}) as is_primary,
        cast(unsubscribed_at as {{ dbt.type_timestamp() }}) as unsubscribed_at
    from source
),

stg_partner_contacts as (
    select
        contacts.*,
        addresses.email
    from contacts
    left join addresses on contacts.loaded_email = addresses.loaded_email
)

select * from stg_partner_contacts
