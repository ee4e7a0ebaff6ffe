with source as (
    select * from {{ raw_relation('actions') }}
),

stg_actions as (
    select
        cast(program_id as {{ dbt.type_string() }}) as program_id,
        cast(action_id as {{ dbt.type_string() }}) as action_id,
        cast(partner_id as {{ dbt.type_string() }}) as partner_id,
        cast(event_at as {{ dbt.type_timestamp() }}) as event_at,
        cast(state as {{ dbt.type_string() }}) as state,
        cast(amount as decimal(28, 8)) as amount,
        cast(currency as {{ dbt.type_string() }}) as currency,
        cast(updated_at as {{ dbt.type_timestamp() }}) as updated_at
    from source
)

select * from stg_actions
