with source as (
    select * from {{ raw_relation('partner_clicks_daily') }}
),

stg_partner_clicks_daily as (
    select
        {{ id_text('program_id') }} as program_id,
        {{ id_text('partner_id') }} as partner_id,
        cast(click_date as date) as click_date,
        cast(clicks as {{ dbt.type_bigint() }}) as clicks
    from source
)

select * from stg_partner_clicks_daily
