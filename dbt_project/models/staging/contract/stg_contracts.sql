with loaded as (
    select * from {{ ref('base_contracts') }}
),

stg_contracts as (
    select
        program_id,
        contract_id,
        partner_id,
        contract_stage,
        template_term_id,
        template_term_name,
        starts_at,
        ends_at,
        superseded_by,
        created_at,
        updated_at,
        loaded_at
    from loaded
    where quarantine_reason is null
)

select * from stg_contracts
