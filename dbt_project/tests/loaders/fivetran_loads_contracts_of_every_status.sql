{{ config(enabled=var('loader') == 'fivetran' and not var('all_contracts_are_active')) }}

-- Asked for no status, the source gives active contracts only: then nobody is Expired, nobody applies, and everybody
-- else has no contract. Load every status; an account that has active ones only says so (all_contracts_are_active).
select 'only active contracts are loaded' as problem
from {{ ref('fivetran_contracts') }}
having count(*) > 0 and sum(case when contract_stage = 'Joined' then 0 else 1 end) = 0
