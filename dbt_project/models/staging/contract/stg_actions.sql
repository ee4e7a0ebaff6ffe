with source as (
    select * from {{ raw_relation('actions') }}
),

stg_actions as (
    select
        {{ id_text('program_id') }} as program_id,
        {{ id_text('action_id') }} as action_id,
        {{ id_text('partner_id') }} as partner_id,
        cast(event_at as {{ dbt.type_timestamp() }}) as event_at,
        cast(state as {{ dbt.type_string() }}) as state,
        cast(amount as decimal(28, 8)) as amount,
        cast(currency as {{ dbt.type_string() }}) as currency,
        cast(updated_at as {{ dbt.type_timestamp() }}) as updated_at
    from source
)

select * from stg_actions
