-- joined-14-days-ago-when-clocks-went-forward: A case
-- Relationship Stage is any of Joined
-- Last Transition Date is 14 Days Ago
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    last_transition_days_ago,
    relationship_stage_as_of
  FROM segments.partners_as_of
)
SELECT
  'joined-14-days-ago-when-clocks-went-forward' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND relationship_stage_as_of IN ('Joined')
  AND last_transition_days_ago = 14
