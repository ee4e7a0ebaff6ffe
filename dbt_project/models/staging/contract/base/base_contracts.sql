with source as (
    select * from {{ raw_relation('contracts') }}
),

typed as (
    select
        {{ id_text('program_id') }} as program_id,
        {{ id_text('contract_id') }} as contract_id,
        {{ id_text('partner_id') }} as partner_id,
        cast(contract_stage as {{ dbt.type_string() }}) as contract_stage,
        {{ id_text('template_term_id') }} as template_term_id,
        cast(template_term_name as {{ dbt.type_string() }}) as template_term_name,
        {{ try_cast('starts_at', dbt.type_timestamp()) }} as starts_at,
        {{ try_cast('ends_at', dbt.type_timestamp()) }} as ends_at,
        {{ id_text('trim(cast(superseded_by as ' ~ dbt.type_string() ~ '))') }} as superseded_by,
        {{ try_cast('created_at', dbt.type_timestamp()) }} as created_at,
        {{ try_cast('updated_at', dbt.type_timestamp()) }} as updated_at,
        cast(_loaded_at as {{ dbt.type_timestamp() }}) as loaded_at,
        {{ json_object([
            'program_id', 'contract_id', 'partner_id', 'contract_stage', 'template_term_id', 'template_term_name',
            'starts_at', 'ends_at', 'superseded_by', 'created_at', 'updated_at'
        ]) }} as loaded_row,
        {{ unreadable_column({
            'starts_at': dbt.type_timestamp(), 'ends_at': dbt.type_timestamp(), 'created_at': dbt.type_timestamp(),
            'updated_at': dbt.type_timestamp()
        }) }} as unreadable_column
    from source
),

judged as (
    select
        *,
        case
            when unreadable_column is not null then unreadable_column || ' cannot be read'
            when program_id is null then 'program_id is null or has lost digits'
            when contract_id is null then 'contract_id is null or has lost digits'
            when partner_id is null then 'partner_id is null or has lost digits'
            when contract_stage is null then 'contract_stage is null'
            when
                contract_stage not in (
                    'Awaiting Publisher Approval', 'Awaiting Advertiser Approval', 'Publisher Declined',
                    'Advertiser Declined', 'Joined', 'Expired', 'Awaiting Contract Start', 'Advertiser Retracted',
                    'Advertiser Countered', 'Publisher Retracted', 'Publisher Countered', 'Pending Contract Expired'
                )
                then 'contract_stage is not a contract stage'
        end as own_reason
    from typed
),

marked as (
    {{ mark_repeats('judged', key=['program_id', 'contract_id'], order_by='loaded_at') }}
),

base_contracts as (
    select
        program_id,
        contract_id,
        partner_id,
        contract_stage,
        template_term_id,
        template_term_name,
        starts_at,
        ends_at,
        superseded_by,
        created_at,
        updated_at,
        loaded_at,
        loaded_row,
        quarantine_reason
    from marked
)

select * from base_contracts
