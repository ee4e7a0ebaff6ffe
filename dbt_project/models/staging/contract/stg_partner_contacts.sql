with loaded as (
    select * from {{ ref('base_partner_contacts') }}
),

stg_partner_contacts as (
    select
        program_id,
        partner_id,
        loaded_email,
        first_name,
        last_name,
        is_primary,
        unsubscribed_at,
        email
    from loaded
    where quarantine_reason is null
)

select * from stg_partner_contacts
