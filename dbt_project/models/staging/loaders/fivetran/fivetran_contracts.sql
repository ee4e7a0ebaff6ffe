{{ config(enabled=var('loader') == 'fivetran') }}

with contracts as (
    select
        {{ id_text('campaign_id') }} as program_id,
        {{ id_text('id') }} as contract_id,
        {{ id_text('partner_id') }} as partner_id,
        upper(status) as status,
        {{ id_text(json_text('template_terms', ['template_id'])) }} as template_term_id,
        {{ json_text('template_terms', ['name']) }} as template_term_name,
        {{ to_utc('start_date') }} as starts_at,
        {{ to_utc('end_date') }} as ends_at,
        brand_signatory_date is not null as is_signed_by_brand,
        partner_signatory_date is not null as is_signed_by_partner,
        {{ to_utc('date_created') }} as created_at,
        {{ to_utc('date_last_updated') }} as updated_at,
        {{ loaded_at_utc() }} as _loaded_at
    from {{ source('impact', 'contracts') }}
),

-- Five statuses represent the twelve stages, and the signatures distinguish some of them. Counter-proposals look like
-- proposals here, and retracted contracts look declined by the side that did not sign.
staged as (
    select
        *,
        case
            when status = 'ACTIVE' then 'Joined'
            when status = 'UPCOMING' then 'Awaiting Contract Start'
            when status = 'EXPIRED' and is_signed_by_brand and is_signed_by_partner then 'Expired'
            when status = 'EXPIRED' then 'Pending Contract Expired'
            when status = 'PENDING' and is_signed_by_partner and not is_signed_by_brand
                then 'Awaiting Advertiser Approval'
            when status = 'PENDING' then 'Awaiting Publisher Approval'
            when status = 'DECLINED' and is_signed_by_partner and not is_signed_by_brand then 'Advertiser Declined'
            when status = 'DECLINED' then 'Publisher Declined'
            else status
        end as contract_stage
    from contracts
),

-- The source reports a superseded contract as expired. It counts as superseded when the partner's next signed contract
-- starts within a day of its end.
signed as (
    select
        program_id,
        contract_id,
        coalesce(ends_at, updated_at) as ended_at,
        lead(contract_id) over (
            partition by program_id, partner_id
            order by starts_at, {{ collate_binary('contract_id') }}
        ) as next_contract_id,
        lead(starts_at) over (
            partition by program_id, partner_id
            order by starts_at, {{ collate_binary('contract_id') }}
        ) as next_starts_at
    from staged
    where contract_stage in ('Joined', 'Expired', 'Awaiting Contract Start') and starts_at is not null
),

fivetran_contracts as (
    select
        staged.program_id,
        staged.contract_id,
        staged.partner_id,
        staged.contract_stage,
        staged.template_term_id,
        staged.template_term_name,
        staged.starts_at,
        staged.ends_at,
        case
            when
                staged.contract_stage = 'Expired'
                and signed.next_starts_at <= {{ dbt.dateadd('day', 1, 'signed.ended_at') }}
                then signed.next_contract_id
        end as superseded_by,
        staged.created_at,
        staged.updated_at,
        staged._loaded_at
    from staged
    left join signed
        on
            staged.program_id = signed.program_id
            and staged.contract_id = signed.contract_id
)

select * from fivetran_contracts
