{{ config(enabled=var('loader') == 'tap_impact') }}

-- The source's newer versions call partners otherwise, and tap-impact then loads none of them, without an error; a
-- program that is no campaign of the source has none either. Either way every segment of the program would be empty.
select programs.program_id
from {{ source('raw', 'programs') }} as programs
left join {{ ref('tap_impact_partners') }} as partners on programs.program_id = partners.program_id
group by programs.program_id
having count(partners.partner_id) = 0
