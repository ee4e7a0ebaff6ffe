{%- set tables = {
    'programs': {'key': ['program_id'], 'concerns': 'program'},
    'partners': {'key': ['program_id', 'partner_id'], 'concerns': 'partner'},
    'partner_contacts': {'key': ['program_id', 'partner_id', 'loaded_email'], 'concerns': 'nobody'},
    'partner_groups': {'key': ['program_id', 'group_id', 'partner_id'], 'concerns': 'groups'},
    'contracts': {'key': ['program_id', 'contract_id'], 'concerns': 'partner'},
    'prospects': {'key': ['program_id', 'partner_id'], 'concerns': 'partner'},
    'relationship_events': {'key': ['program_id', 'partner_id', 'transitioned_at'], 'concerns': 'partner'},
    'partner_clicks_daily': {'key': ['program_id', 'partner_id', 'click_date'], 'concerns': 'clicks'},
    'actions': {'key': ['program_id', 'action_id'], 'concerns': 'actions'},
} -%}

with programs as (
    select * from {{ ref('stg_programs') }}
),

actions as (
    select * from {{ ref('base_actions') }}
),

duplicate_actions as (
    select * from {{ ref('int_duplicate_actions') }}
),

duplicate_clicks as (
    select * from {{ ref('int_duplicate_clicks') }}
),

known_partners as (
    select distinct program_id, partner_id
    from {{ ref('base_partners') }}
),

activity as (
    select * from {{ ref('int_partner_activity_checksums') }}
),

-- Of its own partner nothing is known: the activity may be that of any partner of the program.
unknown_partners as (
    select activity.*
    from activity
    inner join programs on activity.program_id = programs.program_id
    left join known_partners
        on
            activity.program_id = known_partners.program_id
            and activity.partner_id = known_partners.partner_id
    where known_partners.partner_id is null
),

found as (
    {% for table, rule in tables.items() %}
    select
        '{{ table }}' as table_name,
        {{ row_key(rule['key']) }} as row_key,
        quarantine_reason as reason,
        case when quarantine_reason <> 'a copy of another row' then nullif('{{ rule['concerns'] }}', 'nobody') end
            as concerns,
        program_id,
        {{ 'partner_id' if table != 'programs' else 'null' }} as partner_id,
        {{ 'partner_id is not null' if table != 'programs' else 'false' }} as is_of_known_partner,
        1 as occurrences,
        loaded_row
    from {{ ref('base_' ~ table) }}
    where quarantine_reason is not null

    union all
    {% endfor %}

    select
        'actions' as table_name,
        {{ row_key(['program_id', 'action_id']) }} as row_key,
        case
            when is_of_several_partners then 'another partner has an action with this id'
            when is_copied then 'a copy of another row'
            else 'another row has the same key and other values'
        end as reason,
        case when is_of_several_partners or not is_copied then 'actions' end as concerns,
        program_id,
        partner_id,
        true as is_of_known_partner,
        case when is_copied and not is_of_several_partners then loaded_rows - 1 else loaded_rows end as occurrences,
        loaded_row
    from duplicate_actions

    union all

    select
        'partner_clicks_daily' as table_name,
        {{ row_key(['program_id', 'partner_id', 'click_date']) }} as row_key,
        case when is_copied then 'a copy of another row' else 'another row has the same key and other values' end
            as reason,
        case when not is_copied then 'clicks' end as concerns,
        program_id,
        partner_id,
        true as is_of_known_partner,
        case when is_copied then loaded_rows - 1 else loaded_rows end as occurrences,
        loaded_row
    from duplicate_clicks

    union all

    select
        'partner_clicks_daily' as table_name,
        {{ row_key(['program_id', 'partner_id']) }} as row_key,
        'raw.partners does not have the partner' as reason,
        'clicks' as concerns,
        program_id,
        partner_id,
        false as is_of_known_partner,
        click_rows as occurrences,
        {{ json_object(['program_id', 'partner_id', 'clicks']) }} as loaded_row
    from unknown_partners
    where click_rows > 0

    union all

    select
        'actions' as table_name,
        {{ row_key(['program_id', 'partner_id']) }} as row_key,
        'raw.partners does not have the partner' as reason,
        'actions' as concerns,
        program_id,
        partner_id,
        false as is_of_known_partner,
        actions as occurrences,
        {{ json_object(['program_id', 'partner_id', 'actions', 'revenue']) }} as loaded_row
    from unknown_partners
    where actions > 0

    union all

    -- The action counts, its amount does not.
    select
        'actions' as table_name,
        actions.program_id || ', ' || actions.action_id as row_key,
        coalesce('amount in ' || actions.currency || ', not in ' || programs.currency, 'amount without a currency')
            as reason,
        'revenue' as concerns,
        actions.program_id,
        actions.partner_id,
        true as is_of_known_partner,
        1 as occurrences,
        actions.loaded_row
    from actions
    inner join programs on actions.program_id = programs.program_id
    where
        actions.quarantine_reason is null
        and actions.state <> 'REVERSED'
        and actions.amount <> 0
        and (actions.currency is null or actions.currency <> programs.currency)

    union all

    select
        'programs' as table_name,
        program_id as row_key,
        'currency is null' as reason,
        'revenue' as concerns,
        program_id,
        null as partner_id,
        false as is_of_known_partner,
        1 as occurrences,
        {{ json_object(['program_id', 'name', 'program_type', 'timezone', 'currency']) }} as loaded_row
    from programs
    where currency is null
),

int_quarantined_rows as (
    select
        table_name,
        row_key,
        reason,
        concerns,
        program_id,
        partner_id,
        is_of_known_partner,
        cast(sum(occurrences) as bigint) as occurrences,
        min(loaded_row) as loaded_row
    from found
    group by table_name, row_key, reason, concerns, program_id, partner_id, is_of_known_partner
)

select * from int_quarantined_rows
