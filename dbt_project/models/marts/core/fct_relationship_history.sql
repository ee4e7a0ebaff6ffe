-- The stage machine of the semantics ("Relationship stage"), as windows:
-- a supplied event and the start of a contract always move; the end of a contract moves only a partner that is Joined.
-- These are the anchors. Between two anchors a partner climbs New, Outreach, Negotiating: a step moves it only when it
-- is higher than all since the anchor. A Joined partner does not climb; an Expired one may only start negotiating.

-- Of several events at one instant the nearer stage comes first, and a supplied one last, so that it stays.
with events as (
    select
        *,
        row_number() over (
            partition by program_id, partner_id
            order by
                transitioned_at,
                case when origin = 'source' then 1 else 0 end,
                case relationship_stage
                    when 'New' then 1 when 'Outreach' then 2 when 'Negotiating' then 3 when 'Expired' then 4
                    when 'Joined' then 5 else 0
                end
        ) as position
    from {{ ref('int_transition_events') }}
),

anchors as (
    select
        *,
        lag(relationship_stage) over (
            partition by program_id, partner_id
            order by position
        ) as previous_anchor
    from events
    where origin = 'source' or relationship_stage in ('Joined', 'Expired')
),

timeline as (
    select
        program_id, partner_id, position, transitioned_at, transition_date, relationship_stage, origin, event,
        contract_id, seen_at, is_inferred, 1 as is_anchor,
        case relationship_stage
            when 'None' then 0 when 'New' then 1 when 'Outreach' then 2 when 'Negotiating' then 3
            when 'Expired' then 2 when 'Joined' then 3
        end as height
    from anchors
    where origin = 'source' or relationship_stage = 'Joined' or previous_anchor = 'Joined'

    union all

    select
        program_id, partner_id, position, transitioned_at, transition_date, relationship_stage, origin, event,
        contract_id, seen_at, is_inferred, 0 as is_anchor,
        case relationship_stage when 'New' then 1 when 'Outreach' then 2 when 'Negotiating' then 3 end as height
    from events
    where origin <> 'source' and relationship_stage in ('New', 'Outreach', 'Negotiating')
),

spans as (
    select
        *,
        sum(is_anchor) over (
            partition by program_id, partner_id
            order by position
            rows between unbounded preceding and current row
        ) as span
    from timeline
),

climbs as (
    select
        *,
        max(height) over (
            partition by program_id, partner_id, span
            order by position
            rows between unbounded preceding and 1 preceding
        ) as height_before
    from spans
),

moves as (
    select
        *,
        lead(transitioned_at) over (
            partition by program_id, partner_id
            order by position
        ) as moved_on_at
    from climbs
    where is_anchor = 1 or height > coalesce(height_before, 0)
),

-- A stage that was left at the instant at which it was reached was never held.
fct_relationship_history as (
    select
        program_id,
        partner_id,
        transitioned_at as valid_from,
        moved_on_at as valid_to,
        relationship_stage,
        transition_date,
        origin,
        event,
        contract_id,
        seen_at,
        is_inferred
    from moves
    where moved_on_at is null or moved_on_at > transitioned_at
)

select * from fct_relationship_history
