-- stage-select-all: A case
-- Relationship Stage is any of Select All
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    evaluated_stage
  FROM segments.evaluated_partners
)
SELECT
  'stage-select-all' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND evaluated_stage IN ('New', 'Outreach', 'Negotiating', 'Joined', 'Expired')
