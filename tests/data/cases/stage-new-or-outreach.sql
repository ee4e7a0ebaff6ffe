-- stage-new-or-outreach: A case
-- Relationship Stage is any of New, Outreach
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    relationship_stage_as_of
  FROM segments.partners_as_of
)
SELECT
  'stage-new-or-outreach' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000' AND relationship_stage_as_of IN ('New', 'Outreach')
