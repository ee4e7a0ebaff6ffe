-- When each contract was in force: while it is Joined, or Awaiting Contract Start once it has started. A contract that
-- is Expired when it is first seen was in force before.

with stages as (
    select
        *,
        case
            when contract_stage in ('Joined', 'Awaiting Contract Start') then 'signed'
            when contract_stage = 'Expired' then 'expired'
            else 'open'
        end as phase
    from {{ ref('int_contract_stages') }}
),

followed as (
    select
        *,
        lead(phase) over (
            partition by program_id, contract_id
            order by stage_number
        ) as following_phase,
        lead(began_at) over (
            partition by program_id, contract_id
            order by stage_number
        ) as following_began_at,
        lead(seen_at) over (
            partition by program_id, contract_id
            order by stage_number
        ) as following_seen_at
    from stages
),

-- A contract that is negotiated again stays in force meanwhile.
compared as (
    select
        *,
        lag(phase) over (
            partition by program_id, contract_id
            order by stage_number
        ) as phase_before
    from followed
    where phase <> 'open'
),

numbered as (
    select
        *,
        sum(case when phase = phase_before then 0 else 1 end) over (
            partition by program_id, contract_id
            order by stage_number
            rows between unbounded preceding and current row
        ) as phase_number
    from compared
),

spans as (
    select
        program_id,
        contract_id,
        phase_number,
        min(stage_number) as first_stage,
        max(stage_number) as last_stage,
        min(started_at) as started_at
    from numbered
    group by program_id, contract_id, phase_number
),

phases as (
    select
        last_stages.program_id,
        last_stages.contract_id,
        last_stages.partner_id,
        last_stages.phase,
        last_stages.created_at,
        last_stages.starts_at,
        last_stages.ends_at,
        last_stages.superseded_by,
        first_stages.began_at,
        first_stages.seen_at,
        spans.started_at,
        case
            when last_stages.following_phase <> 'open' then null
            when last_stages.contract_stage = 'Joined' then last_stages.following_seen_at
            else last_stages.following_began_at
        end as called_off_at,
        lag(last_stages.phase) over (
            partition by spans.program_id, spans.contract_id
            order by spans.phase_number
        ) as previous_phase,
        lead(last_stages.ends_at) over (
            partition by spans.program_id, spans.contract_id
            order by spans.phase_number
        ) as next_ends_at,
        lead(first_stages.began_at) over (
            partition by spans.program_id, spans.contract_id
            order by spans.phase_number
        ) as next_began_at,
        lead(first_stages.seen_at) over (
            partition by spans.program_id, spans.contract_id
            order by spans.phase_number
        ) as next_seen_at
    from spans
    inner join followed as first_stages
        on
            spans.program_id = first_stages.program_id
            and spans.contract_id = first_stages.contract_id
            and spans.first_stage = first_stages.stage_number
    inner join followed as last_stages
        on
            spans.program_id = last_stages.program_id
            and spans.contract_id = last_stages.contract_id
            and spans.last_stage = last_stages.stage_number
),

-- Nobody has joined before the contract existed. A contract that returns from Expired is in force again from then on.
started as (
    select
        *,
        phase = 'expired' as is_inferred,
        case
            when previous_phase = 'expired' then {{ latest('starts_at', 'began_at') }}
            else coalesce(started_at, {{ latest('starts_at', 'created_at') }})
        end as effective_from,
        case when phase = 'expired' then began_at else next_began_at end as expired_at,
        case when phase = 'expired' then seen_at else next_seen_at end as expired_seen_at,
        case when phase = 'signed' then coalesce(next_ends_at, ends_at) else ends_at end as agreed_end
    from phases
    where
        starts_at is not null
        and (phase = 'signed' or previous_phase is null)
),

-- Some sources date each change of a contract at its start. A change to Expired that is not later than the start is
-- dated when it was seen.
ended as (
    select
        *,
        case
            when called_off_at <= effective_from then called_off_at
            else {{ earliest(
                'agreed_end',
                'case when expired_at is null or expired_at > effective_from then expired_at else expired_seen_at end'
            ) }}
        end as own_end
    from started
),

successions as (
    select
        ended.program_id,
        ended.contract_id,
        ended.effective_from,
        min(successors.effective_from) as superseded_at
    from ended
    inner join ended as successors
        on
            ended.program_id = successors.program_id
            and ended.partner_id = successors.partner_id
            and ended.superseded_by = successors.contract_id
    where successors.own_end is null or successors.own_end > successors.effective_from
    group by ended.program_id, ended.contract_id, ended.effective_from
),

terms as (
    select
        ended.program_id,
        ended.contract_id,
        ended.partner_id,
        ended.effective_from,
        {{ earliest('ended.own_end', 'successions.superseded_at') }} as effective_to,
        ended.seen_at,
        ended.expired_seen_at,
        ended.is_inferred
    from ended
    left join successions
        on
            ended.program_id = successions.program_id
            and ended.contract_id = successions.contract_id
            and ended.effective_from = successions.effective_from
),

-- A contract that was called off or superseded before it started was never in force.
int_contract_terms as (
    select *
    from terms
    where effective_to is null or effective_to > effective_from
)

select * from int_contract_terms
