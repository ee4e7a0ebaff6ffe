-- Events that may change a partner's relationship stage (help page: Relationship Stage; rules and dates as in the
-- semantics, "Relationship stage"). fct_relationship_history decides whether an event does change it.

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

-- The same stage from several sources at the same instant is one event.
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

    -- Our own email counts only after its hour, so that evaluating the hour again gives the same result.
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

-- A supplied event replaces derived ones of the same day. Our own emails are facts, not derived guesses, and stay:
-- otherwise a prospect that is supplied as New and invited on the same day would never become Outreach.
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
