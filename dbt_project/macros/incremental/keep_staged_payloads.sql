{#- The pre-hook of int_provider_events: delete the events of payloads that are new, or are no longer there. Does
    nothing in a first build or a full refresh. `payloads` is stg_email_payloads, where a payload of a former build is
    null. -#}
{% macro keep_staged_payloads(payloads) -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where not exists (
            select 1
            from {{ payloads }} as payloads
            where payloads.payload_id = {{ this.identifier }}.payload_id and payloads.payload is null
        )
    {%- endif -%}
{%- endmacro %}
