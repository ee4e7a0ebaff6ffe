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
  FROM segments.evaluated_performance
  GROUP BY
    program_id,
    as_of,
    partner_id
), partners AS (
  SELECT
    evaluated_partners.program_id,
    evaluated_partners.as_of,
    evaluated_partners.partner_id,
    evaluated_partners.evaluated_stage,
    COALESCE(features.clicks_ever, 0) AS clicks_ever
  FROM segments.evaluated_partners
  LEFT JOIN features
    ON evaluated_partners.program_id = features.program_id
    AND evaluated_partners.as_of = features.as_of
    AND evaluated_partners.partner_id = features.partner_id
)
SELECT
  'two-programs' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND evaluated_stage IN ('Joined')
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
    FROM segments.evaluated_contracts
    WHERE
      evaluated_contracts.program_id = partners.program_id
      AND evaluated_contracts.as_of = partners.as_of
      AND evaluated_contracts.partner_id = partners.partner_id
      AND evaluated_contracts.is_current
      AND evaluated_contracts.contract_stage IN ('Joined')
  )
