-- partner-groups: A case
-- Partner Group is any of Gold Tier, "Bloggers, Europe"
-- Relationship Stage is any of Joined
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    relationship_stage_as_of
  FROM segments.partners_as_of
)
SELECT
  'partner-groups' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND EXISTS(
    SELECT
      1
    FROM marts.fct_partner_groups
    WHERE
      fct_partner_groups.program_id = partners.program_id
      AND fct_partner_groups.partner_id = partners.partner_id
      AND fct_partner_groups.group_name IN ('Gold Tier', 'Bloggers, Europe')
  )
  AND relationship_stage_as_of IN ('Joined')
