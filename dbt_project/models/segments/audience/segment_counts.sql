with workflows as (
    select * from {{ ref('segment_workflows') }}
),

evaluations as (
    select * from {{ ref('stg_evaluations') }}
),

addresses as (
    select * from {{ ref('segment_addresses') }}
),

applications as (
    select * from {{ ref('application_recipients') }}
),

partners as (
    select
        workflow_id,
        evaluated_at,
        program_id,
        partner_id,
        case when is_contacted then 1 else 0 end as contacted,
        case when is_held and not is_contacted then 1 else 0 end as held,
        count(email) as known_addresses,
        sum(case when email is not null and not is_unsubscribed then 1 else 0 end) as open_addresses
    from addresses
    group by workflow_id, evaluated_at, program_id, partner_id, is_contacted, is_held
),

outcomes as (
    select
        workflow_id,
        evaluated_at,
        count(*) as members,
        sum(contacted) as already_contacted,
        sum(held) as held,
        sum(case when contacted + held = 0 and known_addresses > 0 and open_addresses = 0 then 1 else 0 end)
            as suppressed,
        sum(case when contacted + held = 0 and known_addresses = 0 then 1 else 0 end) as no_address,
        sum(case when contacted + held = 0 then open_addresses else 0 end) as recipients
    from partners
    group by workflow_id, evaluated_at
),

distinct_addresses as (
    select
        workflow_id,
        evaluated_at,
        count(distinct email) as addresses
    from addresses
    group by workflow_id, evaluated_at
),

waiting as (
    select
        workflow_id,
        evaluated_at,
        count(*) as applications,
        count(distinct partner_id) as partners
    from applications
    group by workflow_id, evaluated_at
),

segment_counts as (
    select
        workflows.workflow_id,
        evaluations.as_of as evaluated_at,
        cast(coalesce(outcomes.members, 0) as bigint) as members,
        cast(coalesce(distinct_addresses.addresses, 0) as bigint) as addresses,
        cast(coalesce(outcomes.already_contacted, 0) as bigint) as already_contacted,
        cast(coalesce(outcomes.held, 0) as bigint) as held,
        cast(coalesce(outcomes.suppressed, 0) as bigint) as suppressed,
        cast(case when workflows.action = 'email' then coalesce(outcomes.no_address, 0) else 0 end as bigint)
            as no_address,
        cast(
            case
                when workflows.action = 'email' then coalesce(outcomes.recipients, 0)
                else coalesce(waiting.applications, 0)
            end as bigint
        ) as recipients,
        cast(
            case
                when workflows.action = 'email' then 0
                else
                    coalesce(outcomes.members - outcomes.already_contacted - outcomes.held, 0)
                    - coalesce(waiting.partners, 0)
            end as bigint
        ) as no_application,
        coalesce(distinct_addresses.addresses, 0) > {{ var('address_limit') }} as is_over_limit
    from workflows
    inner join evaluations on workflows.program_id = evaluations.program_id
    left join outcomes
        on
            workflows.workflow_id = outcomes.workflow_id
            and evaluations.as_of = outcomes.evaluated_at
    left join distinct_addresses
        on
            workflows.workflow_id = distinct_addresses.workflow_id
            and evaluations.as_of = distinct_addresses.evaluated_at
    left join waiting
        on
            workflows.workflow_id = waiting.workflow_id
            and evaluations.as_of = waiting.evaluated_at
)

select * from segment_counts
