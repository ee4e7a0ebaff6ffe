{{
    config(
        materialized='incremental' if replacement_strategy() == 'append' else 'table',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ keep_staged_payloads(ref('stg_email_payloads')) }}",
    )
}}

-- depends_on: {{ ref('stg_email_payloads') }}

with int_provider_events as (
    select * from {{ ref('stg_sendgrid_events') }}
    union all
    select * from {{ ref('stg_ses_events') }}
    union all
    select * from {{ ref('stg_postmark_events') }}
    union all
    select * from {{ ref('stg_mailgun_events') }}
    union all
    select * from {{ ref('stg_bounce_messages') }}
)

select * from int_provider_events
