with mirror as (
    select * from {{ ref('stg_workflow_runs') }}
),

workflow_runs as (
    select * from mirror
)

select * from workflow_runs
