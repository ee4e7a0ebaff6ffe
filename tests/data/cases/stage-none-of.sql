-- stage-none-of: A case
-- Relationship Stage is none of Joined, Expired
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    relationship_stage_as_of
  FROM segments.partners_as_of
)
SELECT
  'stage-none-of' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND (
    relationship_stage_as_of IS NULL
    OR NOT relationship_stage_as_of IN ('Joined', 'Expired')
  )
