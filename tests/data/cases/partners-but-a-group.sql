-- partners-but-a-group: A case
-- Partner Group is none of Gold, "Bloggers, Europe"
-- Partner ID is none of 0042, 77
-- Partner Name is none of Acme
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    name
  FROM segments.partners_as_of
)
SELECT
  'partners-but-a-group' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND NOT EXISTS(
    SELECT
      1
    FROM marts.fct_partner_groups
    WHERE
      fct_partner_groups.program_id = partners.program_id
      AND fct_partner_groups.partner_id = partners.partner_id
      AND fct_partner_groups.group_name IN ('Gold', 'Bloggers, Europe')
  )
  AND (
    partner_id IS NULL OR NOT partner_id IN ('0042', '77')
  )
  AND (
    name IS NULL OR NOT name IN ('Acme')
  )
