-- The incremental models read the rows of these partners only.

with checksums as (
    select * from {{ ref('int_partner_activity_checksums') }}
),

int_changed_partners as (
    select program_id, partner_id
    from checksums
    where is_changed
)

select * from int_changed_partners
