with payloads as (
    select * from {{ ref('stg_email_payloads') }}
    where provider = 'ses' and payload is not null
),

-- SNS carries the event as text within its own JSON; with raw message delivery the event comes as it is.
messages as (
    select
        payload_id,
        provider,
        received_at,
        {{ json_text('payload', ['MessageId']) }} as sns_id,
        case
            when {{ json_text('payload', ['Message']) }} is null then {{ json_value('payload', []) }}
            else {{ try_parse_json(json_text('payload', ['Message'])) }}
        end as message
    from payloads
),

read_messages as (
    select
        *,
        coalesce(
            {{ json_value('message', ['bounce', 'bouncedRecipients']) }},
            {{ json_value('message', ['complaint', 'complainedRecipients']) }},
            {{ json_value('message', ['deliveryDelay', 'delayedRecipients']) }},
            {{ json_value('message', ['delivery', 'recipients']) }},
            {{ json_value('message', ['mail', 'destination']) }}
        ) as all_recipients
    from messages
    where message is not null
),

recipients as (
    {{ select_json_elements(
        'read_messages', ['payload_id', 'provider', 'received_at', 'sns_id', 'message'], 'all_recipients', 'recipient',
        wrap_value=true
    ) }}
),

read_once as (
    select
        *,
        coalesce({{ json_text('message', ['eventType']) }}, {{ json_text('message', ['notificationType']) }}) as said,
        coalesce({{ json_text('recipient', ['emailAddress']) }}, {{ json_text('recipient', []) }}) as email,
        {{ json_text('recipient', ['status']) }} as status,
        {{ json_text('recipient', ['diagnosticCode']) }} as diagnostic_code,
        {{ json_text('message', ['bounce', 'bounceType']) }} as kind_of_bounce,
        coalesce({{ json_text('message', ['bounce', 'bounceSubType']) }}, '') in (
            'Suppressed', 'OnAccountSuppressionList'
        )
        or coalesce({{ json_text('message', ['complaint', 'complaintSubType']) }}, '') = 'OnAccountSuppressionList'
            as is_suppressed,
        coalesce({{ json_text('message', ['open', 'userAgent']) }}, {{ json_text('message', ['click', 'userAgent']) }})
            as user_agent
    from recipients
),

-- SES reports an automatic reply of a person as a bounce without the fields of a bounce message.
classified as (
    select
        *,
        case said
            when 'Send' then 'sent'
            when 'DeliveryDelay' then 'deferred'
            when 'Delivery' then 'delivered'
            when 'Bounce'
                then case
                    when is_suppressed then 'rejected'
                    when
                        kind_of_bounce in ('Transient', 'Undetermined')
                        and {{ json_text('message', ['bounce', 'bounceSubType']) }} in ('General', 'Undetermined')
                        and coalesce(status, diagnostic_code, {{ json_text('recipient', ['action']) }}) is null
                        then 'other'
                    else 'bounced'
                end
            when 'Reject' then 'rejected'
            when 'Rendering Failure' then 'rejected'
            when 'Open' then 'opened'
            when 'Click' then 'clicked'
            when 'Complaint'
                then case
                    when is_suppressed then 'rejected'
                    else {{ feedback_event_type(json_text('message', ['complaint', 'complaintFeedbackType'])) }}
                end
            when 'Subscription'
                then case
                    when {{ json_text('message', ['subscription', 'newTopicPreferences', 'unsubscribeAll']) }} = 'true'
                        then 'unsubscribed'
                    else 'other'
                end
            else 'other'
        end as event_type
    from read_once
),

stg_ses_events as (
    select
        payload_id,
        provider,
        coalesce(sns_id, {{ dbt.hash('message') }}) || ':' || coalesce(email, '') as provider_event_id,
        event_type,
        case
            when event_type = 'bounced'
                then {{ bounce_type(
                    ['status', 'diagnostic_code'], "case when kind_of_bounce = 'Transient' then 'living' end"
                ) }}
        end as bounce_type,
        is_suppressed as is_provider_suppressed,
        {{ is_bot_user_agent('user_agent') }} as is_bot,
        {{ json_text('message', ['mail', 'tags', 'delivery_id', 0]) }} as delivery_id,
        {{ json_text('message', ['mail', 'commonHeaders', 'messageId']) }} as message_id,
        email,
        coalesce(
            {%- for part in
                ['bounce', 'complaint', 'delivery', 'deliveryDelay', 'open', 'click', 'subscription', 'mail'] %}
            {{ utc_from_iso(json_text('message', [part, 'timestamp'])) }}{{ ',' if not loop.last }}
            {%- endfor %}
        ) as occurred_at,
        received_at,
        coalesce(
            diagnostic_code,
            {{ json_text('message', ['complaint', 'complaintFeedbackType']) }},
            {{ json_text('message', ['reject', 'reason']) }},
            {{ json_text('message', ['failure', 'errorMessage']) }}
        ) as reason,
        {{ json_text('message', ['click', 'link']) }} as url,
        coalesce({{ json_text('message', ['mail', 'tags', 'test', 0]) }} = 'true', false) as is_test
    from classified
)

select * from stg_ses_events
