with contracts as (
    select * from {{ ref('stg_contracts') }}
),

-- Signed contracts only; a proposal or an application has never been in force.
signed as (
    select *
    from contracts
    where contract_stage in ('Joined', 'Expired', 'Awaiting Contract Start') and starts_at is not null
),

terms as (
    select
        signed.program_id,
        signed.contract_id,
        signed.partner_id,
        signed.starts_at as effective_from,
        -- The end of a superseded contract is the start of its successor at the latest; an expired contract
        -- without a known end ended when it was last changed.
        case
            when successors.starts_at < signed.ends_at then successors.starts_at
            when signed.ends_at is not null then signed.ends_at
            when successors.starts_at is not null then successors.starts_at
            when signed.contract_stage = 'Expired' then signed.updated_at
        end as effective_to,
        signed.superseded_by is not null as is_superseded
    from signed
    left join signed as successors
        on
            signed.program_id = successors.program_id
            and signed.partner_id = successors.partner_id
            and signed.superseded_by = successors.contract_id
),

-- A contract that was called off or superseded before it started was never in force.
int_contract_terms as (
    select *
    from terms
    where effective_to is null or effective_to > effective_from
)

select * from int_contract_terms
