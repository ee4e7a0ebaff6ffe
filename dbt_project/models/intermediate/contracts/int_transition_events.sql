-- What happened to each partner that may move its relationship stage (help page: Relationship Stage; the rules and
-- dates are those of the semantics, "Relationship stage"). Whether an event does move it is decided in
-- fct_relationship_history.

with supplied as (
    select * from {{ ref('stg_relationship_events') }}
),

prospects as (
    select * from {{ ref('stg_prospects') }}
),

contracts as (
    select * from {{ ref('stg_contracts') }}
),

terms as (
    select * from {{ ref('int_contract_terms') }}
),

sent_emails as (
    select * from {{ ref('stg_sent_emails') }}
),

programs as (
    select * from {{ ref('stg_programs') }}
),

-- Supplied under the same name twice, or by two routes at one instant, is one event.
events as (
    select program_id, partner_id, transitioned_at, relationship_stage, 'source' as origin
    from supplied

    union

    select program_id, partner_id, tagged_at, 'New', 'derived'
    from prospects

    union

    select program_id, partner_id, created_at, 'Outreach', 'derived'
    from contracts
    where contract_stage = 'Awaiting Publisher Approval'

    union

    -- Our own email counts from the next run on: an hour looks the same however often it is evaluated.
    select program_id, partner_id, {{ add_microsecond('as_of') }}, 'Outreach', 'own_email'
    from sent_emails
    where action = 'email' and state = 'sent'

    union

    select program_id, partner_id, created_at, 'Negotiating', 'derived'
    from contracts
    where contract_stage = 'Awaiting Advertiser Approval'

    union

    select program_id, partner_id, updated_at, 'Negotiating', 'derived'
    from contracts
    where contract_stage in ('Advertiser Countered', 'Publisher Countered')

    union

    select program_id, partner_id, effective_from, 'Joined', 'derived'
    from terms

    union

    select ended.program_id, ended.partner_id, ended.effective_to, 'Expired', 'derived'
    from terms as ended
    where
        ended.effective_to is not null
        and not ended.is_superseded
        and not exists (
            select 1
            from terms as others
            where
                others.program_id = ended.program_id
                and others.partner_id = ended.partner_id
                and others.effective_from <= ended.effective_to
                and (others.effective_to is null or others.effective_to > ended.effective_to)
        )
),

dated as (
    select
        events.*,
        {{ local_date('events.transitioned_at', 'programs.timezone') }} as transition_date
    from events
    inner join programs on events.program_id = programs.program_id
),

-- A supplied event wins over a derived one of the same day. Our own email is no guess at what a source may know better:
-- it stays, or a prospect that is supplied as New and invited on that day would never become Outreach.
int_transition_events as (
    select *
    from dated
    where
        origin in ('source', 'own_email')
        or not exists (
            select 1
            from dated as others
            where
                others.origin = 'source'
                and others.program_id = dated.program_id
                and others.partner_id = dated.partner_id
                and others.transition_date = dated.transition_date
        )
)

select * from int_transition_events
