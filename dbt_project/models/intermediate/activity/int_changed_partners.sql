-- Whose facts are not what the loaded rows say. What follows reads these partners' rows only.

with loaded_activity as (
    select * from {{ ref('int_partner_activity_checksums') }}
),

int_changed_partners as (
    select program_id, partner_id
    from loaded_activity
    where is_changed
)

select * from int_changed_partners
