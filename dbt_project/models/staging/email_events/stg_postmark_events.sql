with payloads as (
    select * from {{ ref('stg_email_payloads') }}
    where provider = 'postmark' and payload is not null
),

read_once as (
    select
        *,
        {{ json_text('payload', ['RecordType']) }} as said,
        {{ json_text('payload', ['Type']) }} as kind_of_bounce,
        {{ json_text('payload', ['SuppressionReason']) }} as suppression_reason,
        {{ json_text('payload', ['Details']) }} as details,
        coalesce({{ json_text('payload', ['Inactive']) }} = 'true', false) as is_inactive,
        coalesce({{ json_text('payload', ['SuppressSending']) }} = 'true', false) as is_suppressing
    from payloads
),

classified as (
    select
        *,
        case said
            when 'Delivery' then 'delivered'
            when 'Open' then 'opened'
            when 'Click' then 'clicked'
            when 'SpamComplaint' then 'complained'
            when 'Bounce'
                then case
                    when kind_of_bounce in ('SpamComplaint') then 'complained'
                    when kind_of_bounce in ('Unsubscribe') then 'unsubscribed'
                    when kind_of_bounce in ('Transient') then 'deferred'
                    when kind_of_bounce in ('SMTPApiError', 'TemplateRenderingFailed', 'InboundError') then 'rejected'
                    when kind_of_bounce in (
                        'AutoResponder', 'AddressChange', 'Subscribe', 'ChallengeVerification',
                        'OpenRelayTest', 'ManuallyDeactivated'
                    ) then 'other'
                    else 'bounced'
                end
            when 'SubscriptionChange'
                then case
                    when is_suppressing and suppression_reason = 'ManualSuppression' then 'unsubscribed'
                    when is_suppressing and suppression_reason = 'SpamComplaint' then 'complained'
                    when is_suppressing and suppression_reason = 'HardBounce' then 'bounced'
                    else 'other'
                end
            else 'other'
        end as event_type
    from read_once
),

-- Only bounces have an id; other events get a hash of their payload.
stg_postmark_events as (
    select
        payload_id,
        provider,
        coalesce({{ json_text('payload', ['ID']) }}, {{ dbt.hash('payload') }}) as provider_event_id,
        event_type,
        case
            when event_type = 'bounced'
                then {{ bounce_type(
                    ['details'],
                    "case
                        when suppression_reason = 'HardBounce' or kind_of_bounce in ('HardBounce', 'BadEmailAddress')
                            then 'dead'
                        else 'living'
                    end",
                ) }}
        end as bounce_type,
        -- Postmark deactivates an address after a bounce, and refuses further emails to it.
        is_inactive
        or (said = 'SubscriptionChange' and is_suppressing and event_type = 'other')
        or coalesce(kind_of_bounce, '') = 'ManuallyDeactivated'
        or (coalesce(kind_of_bounce, '') = 'SMTPApiError' and lower(coalesce(details, '')) like '%inactive%')
            as is_provider_suppressed,
        {{ is_bot_user_agent(json_text('payload', ['UserAgent'])) }} as is_bot,
        {{ json_text('payload', ['Metadata', 'delivery_id']) }} as delivery_id,
        cast(null as {{ dbt.type_string() }}) as message_id,
        coalesce({{ json_text('payload', ['Recipient']) }}, {{ json_text('payload', ['Email']) }}) as email,
        coalesce(
            {%- for key in ['DeliveredAt', 'BouncedAt', 'ReceivedAt', 'ChangedAt'] %}
            {{ utc_from_iso(json_text('payload', [key])) }}{{ ',' if not loop.last }}
            {%- endfor %}
        ) as occurred_at,
        received_at,
        coalesce(details, suppression_reason) as reason,
        {{ json_text('payload', ['OriginalLink']) }} as url,
        coalesce({{ json_text('payload', ['Metadata', 'test']) }} = 'true', false) as is_test
    from classified
)

select * from stg_postmark_events
