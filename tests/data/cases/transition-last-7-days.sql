-- transition-last-7-days: A case
-- Relationship Stage is any of Outreach
-- Last Transition Date is Last 7 Days
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
  'transition-last-7-days' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND relationship_stage_as_of IN ('Outreach')
  AND last_transition_days_ago BETWEEN 1 AND 7
