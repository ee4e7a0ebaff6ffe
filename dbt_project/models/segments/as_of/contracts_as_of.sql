with evaluations as (
    select * from {{ ref('stg_evaluations') }}
),

contracts as (
    select * from {{ ref('fct_contracts') }}
),

contracts_as_of as (
    select
        evaluations.as_of,
        contracts.program_id,
        contracts.contract_id,
        contracts.partner_id,
        contracts.contract_stage,
        contracts.template_term_id,
        contracts.template_term_name,
        contracts.starts_at,
        contracts.ends_at,
        contracts.end_date,
        {{ days_between('contracts.end_date', 'evaluations.local_date') }} as end_days_ago,
        contracts.superseded_by,
        contracts.superseded_at,
        contracts.created_at,
        contracts.updated_at,
        contracts.superseded_at is null or contracts.superseded_at > evaluations.as_of as is_current,
        contracts.contract_stage not in (
            'Expired', 'Pending Contract Expired', 'Publisher Declined', 'Advertiser Declined', 'Publisher Retracted',
            'Advertiser Retracted'
        ) as is_open,
        contracts.contract_stage in ('Joined', 'Awaiting Contract Start', 'Expired') as is_agreed
    from evaluations
    inner join contracts on evaluations.program_id = contracts.program_id
    where contracts.created_at <= evaluations.as_of
)

select * from contracts_as_of
