with unreadable as (
    select * from {{ ref('stg_unreadable_payloads') }}
),

unreadable_payloads as (
    select * from unreadable
)

select * from unreadable_payloads
