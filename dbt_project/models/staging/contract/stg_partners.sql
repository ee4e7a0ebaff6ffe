with loaded as (
    select * from {{ ref('base_partners') }}
),

stg_partners as (
    select
        program_id,
        partner_id,
        name,
        {{ column_name('language') }}
    from loaded
    where quarantine_reason is null
)

select * from stg_partners
