-- actions-today-until-the-hour: A case
-- Performance Date Range is Today
-- Actions greater than 0
-- Clicks greater than 0
WITH features AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    CAST(SUM(CASE WHEN days_ago = 0 THEN actions ELSE 0 END) AS BIGINT) AS actions_0_to_0_days_ago,
    CAST(SUM(CASE WHEN days_ago = 0 THEN clicks ELSE 0 END) AS BIGINT) AS clicks_0_to_0_days_ago
  FROM segments.performance_as_of
  WHERE
    days_ago = 0
  GROUP BY
    program_id,
    as_of,
    partner_id
), partners AS (
  SELECT
    partners_as_of.program_id AS program_id,
    partners_as_of.as_of AS as_of,
    partners_as_of.partner_id AS partner_id,
    COALESCE(features.actions_0_to_0_days_ago, 0) AS actions_0_to_0_days_ago,
    COALESCE(features.clicks_0_to_0_days_ago, 0) AS clicks_0_to_0_days_ago
  FROM segments.partners_as_of
  LEFT JOIN features
    ON partners_as_of.program_id = features.program_id
    AND partners_as_of.as_of = features.as_of
    AND partners_as_of.partner_id = features.partner_id
)
SELECT
  'actions-today-until-the-hour' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000' AND actions_0_to_0_days_ago > 0 AND clicks_0_to_0_days_ago > 0
