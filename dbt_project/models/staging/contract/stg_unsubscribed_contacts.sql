-- Of all loaded contacts: one that is set aside has unsubscribed, too.
with loaded as (
    select * from {{ ref('base_partner_contacts') }}
),

stg_unsubscribed_contacts as (
    select distinct
        coalesce(program_id, '') as program_id,
        email
    from loaded
    where is_unsubscribed and email is not null
)

select * from stg_unsubscribed_contacts
