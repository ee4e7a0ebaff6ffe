-- stage-none: A case
-- Relationship Stage is any of None
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    relationship_stage_as_of
  FROM segments.partners_as_of
)
SELECT
  'stage-none' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000' AND relationship_stage_as_of IN ('None')
