-- A source has only the present row of a contract, so its versions are kept in snapshots.contract_history. Here,
-- successive versions with the same stage become one row.

with seen as (
    select
        program_id,
        contract_id,
        partner_id,
        contract_stage,
        created_at,
        starts_at,
        ends_at,
        superseded_by,
        dbt_valid_from,
        coalesce(loaded_at, dbt_valid_from) as seen_at,
        coalesce(updated_at, loaded_at, dbt_valid_from) as began_at,
        contract_stage in ('Joined', 'Awaiting Contract Start') as is_signed
    from {{ ref('contract_history') }}
),

followed as (
    select
        *,
        lead(began_at) over (
            partition by program_id, contract_id
            order by dbt_valid_from
        ) as next_began_at,
        lead(ends_at) over (
            partition by program_id, contract_id
            order by dbt_valid_from
        ) as next_ends_at
    from seen
),

-- What happened stays happened: a start that passed before the next version keeps its date when that changes it.
started as (
    select
        *,
        case
            when is_signed and {{ latest('starts_at', 'created_at') }} < next_began_at and starts_at is not null
                then {{ latest('starts_at', 'created_at') }}
        end as started_at
    from followed
),

-- So does an end that passed before the next version changed it: the contract was Expired in between.
versions as (
    select
        program_id, contract_id, partner_id, contract_stage, created_at, starts_at, ends_at, superseded_by,
        dbt_valid_from, seen_at, began_at, started_at, 0 as is_passed_end
    from started

    union all

    select
        program_id, contract_id, partner_id, 'Expired' as contract_stage, created_at, starts_at, ends_at, superseded_by,
        dbt_valid_from, ends_at as seen_at, ends_at as began_at, cast(null as {{ dbt.type_timestamp() }}) as started_at,
        1 as is_passed_end
    from started
    where
        is_signed
        and ends_at > {{ latest('starts_at', 'created_at') }}
        and ends_at < next_began_at
        and (next_ends_at is null or next_ends_at <> ends_at)
),

compared as (
    select
        *,
        lag(contract_stage) over (
            partition by program_id, contract_id
            order by dbt_valid_from, is_passed_end
        ) as previous_stage
    from versions
),

numbered as (
    select
        *,
        sum(case when contract_stage = previous_stage then 0 else 1 end) over (
            partition by program_id, contract_id
            order by dbt_valid_from, is_passed_end
            rows between unbounded preceding and current row
        ) as stage_number
    from compared
),

ranked as (
    select
        *,
        row_number() over (
            partition by program_id, contract_id, stage_number
            order by dbt_valid_from, is_passed_end
        ) as version_number,
        row_number() over (
            partition by program_id, contract_id, stage_number
            order by dbt_valid_from desc, is_passed_end desc
        ) as versions_left,
        min(created_at) over (partition by program_id, contract_id, stage_number) as first_created_at,
        min(started_at) over (partition by program_id, contract_id, stage_number) as first_started_at
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
        first_versions.began_at,
        first_versions.seen_at,
        last_versions.first_created_at as created_at,
        last_versions.first_started_at as started_at,
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
