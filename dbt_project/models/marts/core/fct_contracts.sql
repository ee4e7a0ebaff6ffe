with contracts as (
    select * from {{ ref('stg_contracts') }}
),

terms as (
    select * from {{ ref('int_contract_terms') }}
),

programs as (
    select * from {{ ref('stg_programs') }}
),

-- A successor counts only when it is a signed contract of the same partner that comes into force.
successions as (
    select
        contracts.program_id,
        contracts.contract_id,
        min(terms.effective_from) as superseded_at
    from contracts
    inner join terms
        on
            contracts.program_id = terms.program_id
            and contracts.partner_id = terms.partner_id
            and contracts.superseded_by = terms.contract_id
    group by contracts.program_id, contracts.contract_id
),

fct_contracts as (
    select
        contracts.program_id,
        contracts.contract_id,
        contracts.partner_id,
        contracts.contract_stage,
        contracts.template_term_id,
        contracts.template_term_name,
        contracts.starts_at,
        contracts.ends_at,
        -- An open end may be written as 9999-12-31 or infinity.
        case
            when extract(year from contracts.ends_at) between 2 and 9998
                then {{ local_date('contracts.ends_at', 'programs.timezone') }}
        end as end_date,
        contracts.superseded_by,
        successions.superseded_at,
        successions.superseded_at is null as is_current,
        contracts.created_at,
        contracts.updated_at
    from contracts
    left join programs on contracts.program_id = programs.program_id  -- noqa: ST11
    left join successions
        on
            contracts.program_id = successions.program_id
            and contracts.contract_id = successions.contract_id
)

select * from fct_contracts
