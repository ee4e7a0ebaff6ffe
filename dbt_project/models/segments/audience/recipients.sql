with addresses as (
    select * from {{ ref('segment_addresses') }}
),

counts as (
    select * from {{ ref('segment_counts') }}
),

partners as (
    select * from {{ ref('fct_partners') }}
),

programs as (
    select * from {{ ref('stg_programs') }}
),

recipients as (
    select
        addresses.workflow_id,
        addresses.program_id,
        addresses.partner_id,
        addresses.email,
        addresses.evaluated_at,
        addresses.first_name,
        addresses.last_name,
        partners.name as partner_name,
        partners.language,
        programs.name as program_name,
        programs.timezone
    from addresses
    inner join counts
        on
            addresses.workflow_id = counts.workflow_id
            and addresses.evaluated_at = counts.evaluated_at
    inner join partners
        on
            addresses.program_id = partners.program_id
            and addresses.partner_id = partners.partner_id
    inner join programs on addresses.program_id = programs.program_id
    where
        addresses.email is not null
        and not addresses.is_contacted
        and not addresses.is_held
        and not addresses.is_unsubscribed
        and not counts.is_over_limit
)

select * from recipients
