-- joined-across-a-day-that-never-was: A case
-- Relationship Stage is any of Joined
-- Last Transition Date is 2 Days Ago
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
  'joined-across-a-day-that-never-was' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND relationship_stage_as_of IN ('Joined')
  AND last_transition_days_ago = 2
