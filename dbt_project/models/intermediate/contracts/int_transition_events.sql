-- Events that may change a partner's relationship stage (help page: Relationship Stage; rules and dates as in the
-- semantics, "Relationship stage"). fct_relationship_history decides whether an event does change it.

with supplied as (
    select * from {{ ref('stg_relationship_events') }}
),

prospects as (
    select * from {{ ref('stg_prospects') }}
),

contract_stages as (
    select * from {{ ref('int_contract_stages') }}
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

events as (
    select
        program_id, partner_id, transitioned_at, relationship_stage, 'source' as origin, 'supplied' as event,
        cast(null as {{ dbt.type_string() }}) as contract_id, loaded_at as seen_at, false as is_inferred
    from supplied

    union all

    select
        program_id, partner_id, tagged_at, 'New', 'derived', 'tagged as a prospect', null as contract_id, loaded_at,
        false as is_inferred
    from prospects

    union all

    -- Our own email counts only after its hour, so that evaluating the hour again gives the same result.
    select
        program_id, partner_id, {{ add_microsecond('delivered_as_of') }}, 'Outreach', 'own_email', 'email delivered',
        null as contract_id, sent_at, false as is_inferred
    from sent_emails
    where action = 'email' and state = 'sent'

    union all

    select
        program_id, partner_id, created_at, 'Outreach', 'derived', 'proposal sent', contract_id, seen_at,
        contract_stage <> 'Awaiting Publisher Approval'
    from contract_stages
    where
        contract_stage = 'Awaiting Publisher Approval'
        or (
            stage_number = 1
            and contract_stage in ('Publisher Declined', 'Advertiser Retracted', 'Pending Contract Expired')
        )

    union all

    select
        program_id, partner_id, created_at, 'Negotiating', 'derived', 'application received', contract_id, seen_at,
        contract_stage <> 'Awaiting Advertiser Approval'
    from contract_stages
    where
        contract_stage = 'Awaiting Advertiser Approval'
        or (
            contract_stage in ('Advertiser Declined', 'Publisher Retracted')
            and not exists (
                select 1
                from contract_stages as earlier
                where
                    earlier.program_id = contract_stages.program_id
                    and earlier.contract_id = contract_stages.contract_id
                    and earlier.stage_number < contract_stages.stage_number
                    and earlier.contract_stage not in (
                        'Awaiting Publisher Approval', 'Publisher Declined', 'Advertiser Retracted',
                        'Pending Contract Expired'
                    )
            )
        )

    union all

    select
        program_id, partner_id, began_at, 'Negotiating', 'derived', 'counter-proposal', contract_id, seen_at, false
    from contract_stages
    where contract_stage in ('Advertiser Countered', 'Publisher Countered')

    union all

    select
        program_id, partner_id, created_at, 'Negotiating', 'derived', 'contract agreed', contract_id, seen_at,
        contract_stage <> 'Awaiting Contract Start'
    from contract_stages
    where
        contract_stage = 'Awaiting Contract Start'
        or (stage_number = 1 and contract_stage in ('Joined', 'Expired'))

    union all

    select
        program_id, partner_id, effective_from, 'Joined', 'derived', 'contract started', contract_id, seen_at,
        is_inferred
    from terms

    union all

    select
        ended.program_id, ended.partner_id, ended.effective_to, 'Expired', 'derived', 'last contract ended',
        ended.contract_id, coalesce(ended.expired_seen_at, ended.seen_at) as seen_at, false as is_inferred
    from terms as ended
    where
        ended.effective_to is not null
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

-- Of derived events of the same stage at the same instant one is kept, and of supplied ones.
ranked as (
    select
        *,
        case origin when 'source' then 1 else 0 end as is_supplied,
        case relationship_stage
            when 'New' then 1 when 'Outreach' then 2 when 'Negotiating' then 3 when 'Expired' then 4
            when 'Joined' then 5 else 0
        end as stage_rank,
        row_number() over (
            partition by
                program_id, partner_id, transitioned_at, relationship_stage,
                case origin when 'source' then 1 else 0 end
            order by
                case origin when 'own_email' then 1 else 2 end,
                case when is_inferred then 2 else 1 end,
                contract_id,
                seen_at
        ) as duplicate_number
    from events
    where transitioned_at is not null
),

dated as (
    select
        ranked.*,
        {{ local_date('ranked.transitioned_at', 'programs.timezone') }} as transition_date
    from ranked
    inner join programs on ranked.program_id = programs.program_id
    where ranked.duplicate_number = 1
),

supplied_events as (
    select
        *,
        lag(relationship_stage) over (
            partition by program_id, partner_id
            order by transitioned_at, stage_rank
        ) as last_supplied_stage
    from dated
    where is_supplied = 1
),

-- A supplied stage that repeats the last one is a restatement and moves nothing. A supplied None or New does not take
-- back what happened earlier on the same day: our own email, a proposal, an application or a contract.
moving_supplied_events as (
    select supplied_events.*
    from supplied_events
    where
        (
            supplied_events.last_supplied_stage is null
            or supplied_events.last_supplied_stage <> supplied_events.relationship_stage
        )
        and not (
            supplied_events.relationship_stage in ('None', 'New')
            and exists (
                select 1
                from dated as others
                where
                    others.is_supplied = 0
                    and others.relationship_stage in ('Outreach', 'Negotiating', 'Joined')
                    and others.program_id = supplied_events.program_id
                    and others.partner_id = supplied_events.partner_id
                    and others.transition_date = supplied_events.transition_date
                    and others.transitioned_at <= supplied_events.transitioned_at
            )
        )
),

-- A supplied event and a derived one of the same stage and day are one transition, reported twice: the supplied one
-- replaces a later one. One that is earlier stays for the hours between them, and the supplied one follows it. Our own
-- emails are facts, not derived guesses, and stay.
int_transition_events as (
    select
        program_id, partner_id, transitioned_at, relationship_stage, origin, event, contract_id, seen_at, is_inferred,
        transition_date
    from moving_supplied_events

    union all

    select
        program_id, partner_id, transitioned_at, relationship_stage, origin, event, contract_id, seen_at, is_inferred,
        transition_date
    from dated
    where
        is_supplied = 0
        and not exists (
            select 1
            from moving_supplied_events as others
            where
                others.program_id = dated.program_id
                and others.partner_id = dated.partner_id
                and others.relationship_stage = dated.relationship_stage
                and others.transition_date = dated.transition_date
                and (
                    others.transitioned_at = dated.transitioned_at
                    or (dated.origin = 'derived' and others.transitioned_at < dated.transitioned_at)
                )
        )
)

select * from int_transition_events
