with evaluations as (
    select * from {{ ref('stg_evaluations') }}
),

deliveries as (
    select * from {{ ref('stg_sent_emails') }}
),

programs as (
    select * from {{ ref('stg_programs') }}
),

-- Our own email counts from the next hour on, as it does for the relationship stage, so that evaluating an hour again
-- gives the same result.
sent as (
    select
        deliveries.delivery_id,
        deliveries.program_id,
        deliveries.partner_id,
        deliveries.workflow_id,
        deliveries.delivered_as_of,
        {{ local_date('deliveries.delivered_as_of', 'programs.timezone') }} as contact_date
    from deliveries
    inner join programs on deliveries.program_id = programs.program_id
    where deliveries.action = 'email' and deliveries.state = 'sent'
),

contacts_as_of as (
    select
        evaluations.as_of,
        sent.program_id,
        sent.partner_id,
        sent.delivery_id,
        sent.workflow_id,
        sent.contact_date,
        {{ days_between('sent.contact_date', 'evaluations.local_date') }} as contact_days_ago
    from evaluations
    inner join sent on evaluations.program_id = sent.program_id
    where sent.delivered_as_of < evaluations.as_of
)

select * from contacts_as_of
