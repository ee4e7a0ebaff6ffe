with source as (
    select * from {{ raw_relation('contracts') }}
),

stg_contracts as (
    select
        {{ id_text('program_id') }} as program_id,
        {{ id_text('contract_id') }} as contract_id,
        {{ id_text('partner_id') }} as partner_id,
        cast(contract_stage as {{ dbt.type_string() }}) as contract_stage,
        {{ id_text('template_term_id') }} as template_term_id,
        cast(template_term_name as {{ dbt.type_string() }}) as template_term_name,
        cast(starts_at as {{ dbt.type_timestamp() }}) as starts_at,
        cast(ends_at as {{ dbt.type_timestamp() }}) as ends_at,
        {{ id_text('trim(cast(superseded_by as ' ~ dbt.type_string() ~ '))') }} as superseded_by,
        cast(created_at as {{ dbt.type_timestamp() }}) as created_at,
        cast(updated_at as {{ dbt.type_timestamp() }}) as updated_at,
        cast(_loaded_at as {{ dbt.type_timestamp() }}) as loaded_at
    from source
)

select * from stg_contracts
