-- two-programs: A case
-- Relationship Stage is any of Joined
-- Partner Group is any of Gold Tier
-- Contract Stage is any of Joined
-- Clicks greater than 99
WITH features AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    CAST(SUM(clicks) AS BIGINT) AS clicks_ever
  FROM segments.performance_as_of
  GROUP BY
    program_id,
    as_of,
    partner_id
), partners AS (
  SELECT
    partners_as_of.program_id AS program_id,
    partners_as_of.as_of AS as_of,
    partners_as_of.partner_id AS partner_id,
    partners_as_of.relationship_stage_as_of AS relationship_stage_as_of,
    COALESCE(features.clicks_ever, 0) AS clicks_ever
  FROM segments.partners_as_of
  LEFT JOIN features
    ON partners_as_of.program_id = features.program_id
    AND partners_as_of.as_of = features.as_of
    AND partners_as_of.partner_id = features.partner_id
)
SELECT
  'two-programs' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND relationship_stage_as_of IN ('Joined')
  AND EXISTS(
    SELECT
      1
    FROM marts.fct_partner_groups
    WHERE
      fct_partner_groups.program_id = partners.program_id
      AND fct_partner_groups.partner_id = partners.partner_id
      AND fct_partner_groups.group_name IN ('Gold Tier')
  )
  AND clicks_ever > 99
  AND EXISTS(
    SELECT
      1
    FROM segments.contracts_as_of
    WHERE
      contracts_as_of.program_id = partners.program_id
      AND contracts_as_of.as_of = partners.as_of
      AND contracts_as_of.partner_id = partners.partner_id
      AND contracts_as_of.is_current
      AND contracts_as_of.contract_stage IN ('Joined')
  )
