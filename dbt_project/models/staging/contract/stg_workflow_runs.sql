with source as (
    select * from {{ source('raw', 'workflow_runs') }}
),

stg_workflow_runs as (
    select
        cast(run_id as {{ dbt.type_string() }}) as run_id,
        cast(workflow_id as {{ dbt.type_string() }}) as workflow_id,
        cast(as_of as {{ dbt.type_timestamp() }}) as as_of,
        cast(status as {{ dbt.type_string() }}) as status,
        cast(members as {{ dbt.type_bigint() }}) as members,
        cast(addresses as {{ dbt.type_bigint() }}) as addresses,
        cast(already_contacted as {{ dbt.type_bigint() }}) as already_contacted,
        cast(suppressed as {{ dbt.type_bigint() }}) as suppressed,
        cast(no_address as {{ dbt.type_bigint() }}) as no_address,
        coalesce(cast(held_out as {{ dbt.type_bigint() }}), 0) as held_out,
        cast(recipients as {{ dbt.type_bigint() }}) as recipients,
        cast(sent as {{ dbt.type_bigint() }}) as sent,
        cast(failed as {{ dbt.type_bigint() }}) as failed,
        cast(in_doubt as {{ dbt.type_bigint() }}) as in_doubt,
        cast(detail as {{ dbt.type_string() }}) as detail,
        cast(notes as {{ dbt.type_string() }}) as notes
    from source
)

select * from stg_workflow_runs
