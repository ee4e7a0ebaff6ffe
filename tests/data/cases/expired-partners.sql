-- expired-partners: A case
-- Relationship Stage is any of Expired
-- Last Transition Date interval between 0 and 30 Days Ago
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
  'expired-partners' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND evaluated_stage IN ('Expired')
  AND last_transition_days_ago BETWEEN 0 AND 30
