with source as (
    select * from {{ raw_relation('actions') }}
),

typed as (
    select
        {{ id_text('program_id') }} as program_id,
        {{ id_text('action_id') }} as action_id,
        {{ id_text('partner_id') }} as partner_id,
        {{ try_cast('event_at', dbt.type_timestamp()) }} as event_at,
        cast(state as {{ dbt.type_string() }}) as state,
        {{ try_cast('amount', type_amount()) }} as amount,
        cast(currency as {{ dbt.type_string() }}) as currency,
        {{ try_cast('updated_at', dbt.type_timestamp()) }} as updated_at,
        {{ json_object([
            'program_id', 'action_id', 'partner_id', 'event_at', 'state', 'amount', 'currency', 'updated_at'
        ]) }} as loaded_row,
        {{ unreadable_column({
            'event_at': dbt.type_timestamp(), 'amount': type_amount(), 'updated_at': dbt.type_timestamp()
        }) }} as unreadable_column
    from source
),

base_actions as (
    select
        program_id,
        action_id,
        partner_id,
        event_at,
        state,
        amount,
        currency,
        updated_at,
        loaded_row,
        case
            when unreadable_column is not null then unreadable_column || ' cannot be read'
            when program_id is null then 'program_id is null or has lost digits'
            when action_id is null then 'action_id is null or has lost digits'
            when partner_id is null then 'partner_id is null or has lost digits'
            when event_at is null then 'event_at is null'
            when state is null then 'state is null'
            when state not in ('PENDING', 'APPROVED', 'REVERSED') then 'state is not PENDING, APPROVED or REVERSED'
        end as quarantine_reason
    from typed
)

select * from base_actions
