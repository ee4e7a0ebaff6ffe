-- contract-ended-as-it-began: A case
-- Relationship Stage is any of Joined
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    evaluated_stage
  FROM segments.evaluated_partners
)
SELECT
  'contract-ended-as-it-began' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000' AND evaluated_stage IN ('Joined')
