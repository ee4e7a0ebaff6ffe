with source as (
    select * from {{ raw_relation('partner_clicks_daily') }}
),

typed as (
    select
        {{ id_text('program_id') }} as program_id,
        {{ id_text('partner_id') }} as partner_id,
        {{ try_cast('click_date', 'date') }} as click_date,
        {{ try_cast('clicks', dbt.type_bigint()) }} as clicks,
        {{ json_object(['program_id', 'partner_id', 'click_date', 'clicks']) }} as loaded_row,
        {{ unreadable_column({
            'click_date': 'date', 'clicks': dbt.type_bigint()
        }) }} as unreadable_column
    from source
),

base_partner_clicks_daily as (
    select
        program_id,
        partner_id,
        click_date,
        clicks,
        loaded_row,
        case
            when unreadable_column is not null then unreadable_column || ' cannot be read'
            when program_id is null then 'program_id is null or has lost digits'
            when partner_id is null then 'partner_id is null or has lost digits'
            when click_date is null then 'click_date is null'
            when clicks is null then 'clicks is null'
        end as quarantine_reason
    from typed
)

select * from base_partner_clicks_daily
