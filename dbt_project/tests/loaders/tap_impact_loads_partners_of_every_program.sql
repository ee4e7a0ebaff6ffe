{{ config(enabled=var('loader') == 'tap_impact') }}

-- Newer versions of the source's API name the partners differently, and tap-impact then loads none of them, without an
-- error. A program that is not a campaign of the source has no partners either. In both cases, all segments of the
-- program would be empty.
select programs.program_id
from {{ ref('stg_programs') }} as programs
left join {{ ref('tap_impact_partners') }} as partners on programs.program_id = partners.program_id
group by programs.program_id
having count(partners.partner_id) = 0
