-- joined-around-a-half-hour-change: A case
-- Relationship Stage is any of Joined
-- Last Transition Date is Yesterday
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
  'joined-around-a-half-hour-change' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND evaluated_stage IN ('Joined')
  AND last_transition_days_ago = 1
