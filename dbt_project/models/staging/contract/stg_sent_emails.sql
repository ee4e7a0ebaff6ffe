with source as (
    select * from {{ source('raw', 'sent_emails') }}
),

stg_sent_emails as (
    select
        cast(delivery_id as {{ dbt.type_string() }}) as delivery_id,
        cast(workflow_id as {{ dbt.type_string() }}) as workflow_id,
        cast(program_id as {{ dbt.type_string() }}) as program_id,
        cast(partner_id as {{ dbt.type_string() }}) as partner_id,
        nullif(cast(contract_id as {{ dbt.type_string() }}), '') as contract_id,
        cast(email as {{ dbt.type_string() }}) as email,
        cast(action as {{ dbt.type_string() }}) as action,
        cast(state as {{ dbt.type_string() }}) as state,
        cast(message_id as {{ dbt.type_string() }}) as message_id,
        cast(run_id as {{ dbt.type_string() }}) as run_id,
        cast(as_of as {{ dbt.type_timestamp() }}) as as_of,
        cast(coalesce(delivered_as_of, as_of) as {{ dbt.type_timestamp() }}) as delivered_as_of,
        cast(sent_at as {{ dbt.type_timestamp() }}) as sent_at,
        cast(reason as {{ dbt.type_string() }}) as reason,
        coalesce(cast(failed_before_sending as {{ dbt.type_boolean() }}), false) as failed_before_sending,
        cast(holdout_percent as {{ dbt.type_bigint() }}) as holdout_percent
    from source
)

select * from stg_sent_emails
