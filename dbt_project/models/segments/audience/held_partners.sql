with quarantined as (
    select distinct program_id, partner_id, concerns
    from {{ ref('int_quarantined_rows') }}
    where concerns is not null and partner_id is not null
),

workflows as (
    select * from {{ ref('segment_workflows') }}
),

conditions as (
    select * from {{ ref('segment_conditions') }}
),

-- What of a partner each workflow depends on. Every segment depends on the partner, its stage and its contracts.
dependencies as (
    select workflow_id, program_id, 'partner' as concerns
    from workflows

    union distinct

    select
        workflow_id,
        program_id,
        case
            when mart_column = 'fct_performance_daily.clicks' then 'clicks'
            when mart_column in ('fct_performance_daily.actions', 'fct_performance_daily.revenue') then 'actions'
            when mart_column like 'fct_partner_groups.%' then 'groups'
        end as concerns
    from conditions

    union distinct

    select workflow_id, program_id, 'revenue' as concerns
    from conditions
    where mart_column = 'fct_performance_daily.revenue'
),

held_partners as (
    select
        dependencies.workflow_id,
        dependencies.program_id,
        quarantined.partner_id
    from dependencies
    inner join quarantined
        on
            dependencies.program_id = quarantined.program_id
            and dependencies.concerns = quarantined.concerns
    group by dependencies.workflow_id, dependencies.program_id, quarantined.partner_id
)

select * from held_partners
