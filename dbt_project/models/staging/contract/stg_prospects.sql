with loaded as (
    select * from {{ ref('base_prospects') }}
),

stg_prospects as (
    select
        program_id,
        partner_id,
        tagged_at,
        loaded_at
    from loaded
    where quarantine_reason is null
)

select * from stg_prospects
