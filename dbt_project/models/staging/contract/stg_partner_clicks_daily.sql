with source as (
    select * from {{ raw_relation('partner_clicks_daily') }}
),

stg_partner_clicks_daily as (
    select
        cast(program_id as {{ dbt.type_string() }}) as program_id,
        cast(partner_id as {{ dbt.type_string() }}) as partner_id,
        cast(click_date as date) as click_date,
        cast(clicks as {{ dbt.type_bigint() }}) as clicks
    from source
)

select * from stg_partner_clicks_daily
