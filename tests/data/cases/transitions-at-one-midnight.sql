-- transitions-at-one-midnight: A case
-- Relationship Stage is any of Negotiating
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    evaluated_stage
  FROM segments.evaluated_partners
)
SELECT
  'transitions-at-one-midnight' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000' AND evaluated_stage IN ('Negotiating')
