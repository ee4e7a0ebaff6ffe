with evaluations as (
    select * from {{ ref('stg_evaluations') }}
),

contracts as (
    select * from {{ ref('fct_contracts') }}
),

contracts_as_of as (
    select
        evaluations.as_of,
        contracts.*,
        contracts.contract_stage not in (
            'Expired', 'Pending Contract Expired', 'Publisher Declined', 'Advertiser Declined', 'Publisher Retracted',
            'Advertiser Retracted'
        ) as is_open
    from evaluations
    inner join contracts on evaluations.program_id = contracts.program_id
    where contracts.created_at <= evaluations.as_of
)

select * from contracts_as_of
