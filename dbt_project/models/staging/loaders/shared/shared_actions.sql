{{ config(enabled=var('loader') in ('tap_impact', 'fivetran')) }}

-- The row of an action has its state and amount when it was read, and tap-impact reads each action once, in the window
-- of its event date. Later changes are in its updates.

with read_actions as (
    select
        {{ id_text('campaign_id') }} as program_id,
        {{ id_text('id') }} as action_id,
        {{ id_text('media_partner_id') }} as partner_id,
        {{ to_utc('event_date') }} as event_at,
        state,
        cast(amount as {{ type_amount() }}) as amount,
        currency,
        {{ loaded_at_utc() }} as _loaded_at
    from {{ source('impact', 'actions') }}
),

-- Consecutive windows of the source share a day, so a loader that appends has the rows of that day twice.
numbered_actions as (
    select *, row_number() over (partition by program_id, action_id order by _loaded_at desc) as position
    from read_actions
),

actions as (
    select *
    from numbered_actions
    where position = 1
),

read_updates as (
    select
        cast(id as {{ dbt.type_string() }}) as update_id,
        {{ id_text('campaign_id') }} as program_id,
        {{ id_text('action_id') }} as action_id,
        {{ id_text('media_partner_id') }} as partner_id,
        {{ to_utc('action_date') }} as event_at,
        {{ to_utc('update_date') }} as updated_at,
        state,
        cast(delta_amount as {{ type_amount() }}) as delta_amount,
        currency,
        sku,
        {{ loaded_at_utc() }} as _loaded_at
    from {{ source('impact', 'action_updates') }}
),

numbered_updates as (
    select *, row_number() over (partition by update_id order by _loaded_at desc) as position
    from read_updates
),

-- Updates newer than the action's row. An action without a row arrived after the source's window had passed: all its
-- updates count.
later_updates as (
    select
        updates.*,
        row_number() over (
            partition by updates.program_id, updates.action_id
            order by
                case when updates.sku is null then 0 else 1 end,
                updates.updated_at desc,
                {{ collate_binary('updates.update_id') }} desc
        ) as position_in_action
    from numbered_updates as updates
    left join actions
        on
            updates.program_id = actions.program_id
            and updates.action_id = actions.action_id
    where updates.position = 1 and (actions.action_id is null or updates.updated_at > actions._loaded_at)
),

-- An update may have several rows, one per item of the order. An item's state is not that of the action.
corrections as (
    select
        program_id,
        action_id,
        min(partner_id) as partner_id,
        min(event_at) as event_at,
        max(updated_at) as updated_at,
        max(case when position_in_action = 1 and sku is null then state end) as state,
        max(case when sku is not null and state = 'REVERSED' then 1 else 0 end) as has_reversed_items,
        sum(coalesce(delta_amount, 0)) as delta_amount,
        min(currency) as currency,
        max(_loaded_at) as _loaded_at
    from later_updates
    group by program_id, action_id
),

both_kinds as (
    select
        coalesce(actions.program_id, corrections.program_id) as program_id,
        coalesce(actions.action_id, corrections.action_id) as action_id,
        coalesce(actions.partner_id, corrections.partner_id) as partner_id,
        coalesce(actions.event_at, corrections.event_at) as event_at,
        coalesce(corrections.state, actions.state, 'PENDING') as state,
        coalesce(corrections.has_reversed_items, 0) as has_reversed_items,
        cast(coalesce(actions.amount, 0) + coalesce(corrections.delta_amount, 0) as {{ type_amount() }}) as amount,
        coalesce(actions.currency, corrections.currency) as currency,
        coalesce(corrections.updated_at, actions.event_at) as updated_at,
        case
            when actions._loaded_at is null or corrections._loaded_at > actions._loaded_at then corrections._loaded_at
            else actions._loaded_at
        end as _loaded_at
    from actions
    full outer join corrections
        on
            actions.program_id = corrections.program_id
            and actions.action_id = corrections.action_id
),

-- An action whose items were all returned has an amount of 0, which the source calls reversed. An amount below 0 is a
-- correction of an action from before the first load.
shared_actions as (
    select
        program_id,
        action_id,
        partner_id,
        event_at,
        case when has_reversed_items = 1 and amount = 0 then 'REVERSED' else state end as state,
        amount,
        currency,
        updated_at,
        _loaded_at
    from both_kinds
    where amount >= 0
)

select * from shared_actions
