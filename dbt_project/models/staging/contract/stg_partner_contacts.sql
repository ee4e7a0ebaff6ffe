with source as (
    select * from {{ raw_relation('partner_contacts') }}
),

stg_partner_contacts as (
    select
        cast(program_id as {{ dbt.type_string() }}) as program_id,
        cast(partner_id as {{ dbt.type_string() }}) as partner_id,
        cast(email as {{ dbt.type_string() }}) as loaded_email,
        cast(first_name as {{ dbt.type_string() }}) as first_name,
        cast(last_name as {{ dbt.type_string() }}) as last_name,
        cast(is_primary as {{ dbt.type_boolean() }}) as is_primary,
        cast(unsubscribed_at as {{ dbt.type_timestamp() }}) as unsubscribed_at
    from source
)

select * from stg_partner_contacts
