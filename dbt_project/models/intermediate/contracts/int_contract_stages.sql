-- A source has only the present row of a contract, so its versions are kept in snapshots.contract_history. Here,
-- successive versions with the same stage become one row.

with versions as (
    select
        *,
        coalesce(loaded_at, dbt_valid_from) as seen_at,
        lag(contract_stage) over (
            partition by program_id, contract_id
            order by dbt_valid_from
        ) as previous_stage
    from {{ ref('contract_history') }}
),

numbered as (
    select
        *,
        sum(case when contract_stage = previous_stage then 0 else 1 end) over (
            partition by program_id, contract_id
            order by dbt_valid_from
            rows between unbounded preceding and current row
        ) as stage_number
    from versions
),

ranked as (
    select
        *,
        row_number() over (
            partition by program_id, contract_id, stage_number
            order by dbt_valid_from
        ) as version_number,
        row_number() over (
            partition by program_id, contract_id, stage_number
            order by dbt_valid_from desc
        ) as versions_left
    from numbered
),

first_versions as (
    select * from ranked
    where version_number = 1
),

-- A correction of a date counts: the last version of a stage has the dates.
last_versions as (
    select * from ranked
    where versions_left = 1
),

int_contract_stages as (
    select
        last_versions.program_id,
        last_versions.contract_id,
        cast(last_versions.stage_number as integer) as stage_number,
        last_versions.partner_id,
        last_versions.contract_stage,
        coalesce(first_versions.updated_at, first_versions.seen_at) as began_at,
        first_versions.seen_at,
        last_versions.created_at,
        last_versions.starts_at,
        last_versions.ends_at,
        last_versions.superseded_by
    from last_versions
    inner join first_versions
        on
            last_versions.program_id = first_versions.program_id
            and last_versions.contract_id = first_versions.contract_id
            and last_versions.stage_number = first_versions.stage_number
)

select * from int_contract_stages
