{{ config(enabled=var('loader') == 'fivetran') }}

-- A program that is none of the source's has no partners, and every segment of it would be empty.
select programs.program_id
from {{ ref('stg_programs') }} as programs
left join {{ ref('fivetran_partners') }} as partners on programs.program_id = partners.program_id
group by programs.program_id
having count(partners.partner_id) = 0
