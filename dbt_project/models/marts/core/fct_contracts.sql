with contracts as (
    select * from {{ ref('stg_contracts') }}
),

fct_contracts as (
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
        superseded_by is null as is_current,
        created_at,
        updated_at
    from contracts
)

select * from fct_contracts
