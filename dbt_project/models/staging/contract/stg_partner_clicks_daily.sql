with loaded as (
    select * from {{ ref('base_partner_clicks_daily') }}
),

stg_partner_clicks_daily as (
    select
        program_id,
        partner_id,
        click_date,
        clicks
    from loaded
    where quarantine_reason is null
)

select * from stg_partner_clicks_daily
