with source as (
    select * from {{ raw_relation('partner_contacts') }}
),

addresses as (
    select * from {{ ref('stg_addresses') }}
),

typed as (
    select
        {{ id_text('program_id') }} as program_id,
        {{ id_text('partner_id') }} as partner_id,
        cast(email as {{ dbt.type_string() }}) as loaded_email,
        cast(first_name as {{ dbt.type_string() }}) as first_name,
        cast(last_name as {{ dbt.type_string() }}) as last_name,
        {{ try_cast('is_primary', dbt.type_boolean()) }} as is_primary,
        {{ try_cast('unsubscribed_at', dbt.type_timestamp()) }} as unsubscribed_at,
        {{ json_object([
            'program_id', 'partner_id', 'email', 'first_name', 'last_name', 'is_primary', 'unsubscribed_at'
        ]) }} as loaded_row,
        {{ unreadable_column({
            'is_primary': dbt.type_boolean(), 'unsubscribed_at': dbt.type_timestamp()
        }) }} as unreadable_column
    from source
),

judged as (
    select
        typed.*,
        addresses.email,
        typed.unsubscribed_at is not null or coalesce(typed.unreadable_column = 'unsubscribed_at', false)
            as is_unsubscribed,
        case
            when typed.program_id is null then 'program_id is null or has lost digits'
            when typed.partner_id is null then 'partner_id is null or has lost digits'
            when typed.loaded_email is null then 'email is null'
            when addresses.loaded_email is not null and addresses.email is null then 'email is not a valid address'
            when typed.unreadable_column is not null then typed.unreadable_column || ' cannot be read'
        end as own_reason
    from typed
    left join addresses on typed.loaded_email = addresses.loaded_email
),

-- One row per address is used, the primary one if there is one: unsubscriptions of the others count all the same.
marked as (
    {{ mark_repeats(
        'judged',
        key=['program_id', 'partner_id', 'loaded_email'],
        order_by='case when is_primary then 0 else 1 end, loaded_row',
        first_is_used=true
    ) }}
),

base_partner_contacts as (
    select
        program_id,
        partner_id,
        loaded_email,
        first_name,
        last_name,
        is_primary,
        unsubscribed_at,
        email,
        is_unsubscribed,
        loaded_row,
        quarantine_reason
    from marked
)

select * from base_partner_contacts
