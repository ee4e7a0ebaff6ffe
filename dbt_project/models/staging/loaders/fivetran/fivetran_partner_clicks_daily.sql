{{ config(enabled=var('loader') == 'fivetran') }}

-- An id identifies a consumer's journey and may occur on several clicks: a click is an id and an instant.
with clicks as (
    select distinct
        {{ id_text('campaign_id') }} as program_id,
        {{ id_text('media_id') }} as partner_id,
        cast(id as {{ dbt.type_string() }}) as journey_id,
        {{ to_utc('event_date') }} as clicked_at,
        {{ loaded_at_utc() }} as _loaded_at
    from {{ source('impact', 'clicks') }}
),

programs as (
    select * from {{ ref('stg_programs') }}
),

dated as (
    select
        clicks.program_id,
        clicks.partner_id,
        {{ local_date('clicks.clicked_at', 'programs.timezone') }} as click_date,
        clicks.journey_id,
        clicks.clicked_at,
        max(clicks._loaded_at) as _loaded_at
    from clicks
    inner join programs on clicks.program_id = programs.program_id
    group by
        clicks.program_id,
        clicks.partner_id,
        {{ local_date('clicks.clicked_at', 'programs.timezone') }},
        clicks.journey_id,
        clicks.clicked_at
),

fivetran_partner_clicks_daily as (
    select program_id, partner_id, click_date, count(*) as clicks, max(_loaded_at) as _loaded_at
    from dated
    group by program_id, partner_id, click_date
)

select * from fivetran_partner_clicks_daily
