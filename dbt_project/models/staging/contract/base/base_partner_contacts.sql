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

repeated_keys as (
    select program_id, partner_id, loaded_email
    from judged
    where own_reason is null
    group by program_id, partner_id, loaded_email
    having count(*) > 1
),

-- One row per address is used, the primary one if there is one: unsubscriptions of the others count all the same.
repeated as (
    select
        judged.*,
        row_number() over (
            partition by judged.program_id, judged.partner_id, judged.loaded_email
            order by case when judged.is_primary then 0 else 1 end, judged.loaded_row
        ) as position_in_key,
        {{ repetition(['judged.program_id', 'judged.partner_id', 'judged.loaded_email']) }} as repetition
    from judged
    inner join repeated_keys
        on
            judged.program_id = repeated_keys.program_id
            and judged.partner_id = repeated_keys.partner_id
            and judged.loaded_email = repeated_keys.loaded_email
    where judged.own_reason is null
),

base_partner_contacts as (
    select
        judged.program_id,
        judged.partner_id,
        judged.loaded_email,
        judged.first_name,
        judged.last_name,
        judged.is_primary,
        judged.unsubscribed_at,
        judged.email,
        judged.is_unsubscribed,
        judged.loaded_row,
        judged.own_reason as quarantine_reason
    from judged
    left join repeated_keys
        on
            judged.program_id = repeated_keys.program_id
            and judged.partner_id = repeated_keys.partner_id
            and judged.loaded_email = repeated_keys.loaded_email
    where judged.own_reason is not null or repeated_keys.program_id is null

    union all

    select
        program_id, partner_id, loaded_email, first_name, last_name, is_primary, unsubscribed_at, email,
        is_unsubscribed, loaded_row,
        case when position_in_key > 1 then coalesce(repetition, 'a copy of another row') end
    from repeated
)

select * from base_partner_contacts
