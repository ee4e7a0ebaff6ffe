with contacts as (
    select * from {{ ref('stg_partner_contacts') }}
),

-- An address that has unsubscribed as any partner's contact has unsubscribed from the whole program.
unsubscribed as (
    select * from {{ ref('stg_unsubscribed_contacts') }}
),

-- Suppressed by events, or in the ledger (rejected by a mail server, or suppressed by hand): for every workflow, for
-- those of a program, or, in segment_addresses, for one. Or unsubscribed from an unknown program.
scopes as (
    select email, scope from {{ ref('suppressions') }}

    union distinct

    select email, scope from {{ ref('stg_suppressions') }}
),

suppressions as (
    select email
    from scopes
    where scope = 'all'

    union distinct

    select email
    from unsubscribed
    where program_id = ''
),

suppressed_in_program as (
    select email, scope
    from scopes
    where scope like 'program:%'
),

ranked as (
    select
        *,
        row_number() over (
            partition by program_id, partner_id, email
            order by case when is_primary then 0 else 1 end, {{ collate_binary('loaded_email') }}
        ) as position_in_address,
        row_number() over (
            partition by program_id, partner_id
            order by
                case when is_primary then 0 else 1 end,
                {{ collate_binary('email') }},
                {{ collate_binary('loaded_email') }}
        ) as position_in_partner
    from contacts
    where email is not null
),

int_partner_addresses as (
    select
        ranked.program_id,
        ranked.partner_id,
        ranked.email,
        ranked.first_name,
        ranked.last_name,
        ranked.position_in_partner = 1 as is_primary,
        unsubscribed.email is not null
        or suppressions.email is not null
        or suppressed_in_program.email is not null as is_unsubscribed
    from ranked
    left join unsubscribed
        on
            ranked.program_id = unsubscribed.program_id
            and ranked.email = unsubscribed.email
    left join suppressions on ranked.email = suppressions.email
    left join suppressed_in_program
        on
            ranked.email = suppressed_in_program.email
            and 'program:' || ranked.program_id = suppressed_in_program.scope
    where ranked.position_in_address = 1
)

select * from int_partner_addresses
