-- joined-across-a-day-that-never-was: A case
-- Relationship Stage is any of Joined
-- Last Transition Date is 2 Days Ago
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    evaluated_stage,
    last_transition_days_ago
  FROM segments.evaluated_partners
)
SELECT
  'joined-across-a-day-that-never-was' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND evaluated_stage IN ('Joined')
  AND last_transition_days_ago = 2
