with mirror as (
    select * from {{ ref('stg_sent_emails') }}
),

sent_emails as (
    select * from mirror
)

select * from sent_emails
