with contacts as (
    select * from {{ ref('stg_partner_contacts') }}
),

bad_contacts as (
    select
        'partner_contacts' as table_name,
        coalesce(program_id, 'null') || ', ' || coalesce(partner_id, 'null') || ', ' || coalesce(loaded_email, 'null')
            as row_key,
        case when loaded_email is null then 'email is null' else 'email is not a valid address' end as reason,
        program_id,
        partner_id,
        {{ json_object([
            'program_id', 'partner_id', 'loaded_email', 'first_name', 'last_name', 'is_primary', 'unsubscribed_at'
        ]) }} as loaded_row
    from contacts
    where email is null
),

int_quarantined_rows as (
    select
        table_name,
        row_key,
        reason,
        program_id,
        partner_id,
        count(*) as occurrences,
        min(loaded_row) as loaded_row
    from bad_contacts
    group by table_name, row_key, reason, program_id, partner_id
)

select * from int_quarantined_rows
