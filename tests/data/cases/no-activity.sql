-- no-activity: A case
-- Relationship Stage is any of Joined
-- Performance Date Range interval between 0 and 60 Days Ago
-- Clicks is 0
-- Actions is 0
-- Revenue is 0
WITH features AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    CAST(SUM(CASE WHEN days_ago BETWEEN 0 AND 60 THEN actions ELSE 0 END) AS BIGINT) AS actions_0_to_60_days_ago,
    CAST(SUM(CASE WHEN days_ago BETWEEN 0 AND 60 THEN clicks ELSE 0 END) AS BIGINT) AS clicks_0_to_60_days_ago,
    CAST(SUM(CASE WHEN days_ago BETWEEN 0 AND 60 THEN revenue ELSE 0 END) AS DECIMAL(38, 8)) AS revenue_0_to_60_days_ago
  FROM segments.performance_as_of
  WHERE
    days_ago BETWEEN 0 AND 60
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
    COALESCE(features.actions_0_to_60_days_ago, 0) AS actions_0_to_60_days_ago,
    COALESCE(features.clicks_0_to_60_days_ago, 0) AS clicks_0_to_60_days_ago,
    COALESCE(features.revenue_0_to_60_days_ago, 0) AS revenue_0_to_60_days_ago
  FROM segments.partners_as_of
  LEFT JOIN features
    ON partners_as_of.program_id = features.program_id
    AND partners_as_of.as_of = features.as_of
    AND partners_as_of.partner_id = features.partner_id
)
SELECT
  'no-activity' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND relationship_stage_as_of IN ('Joined')
  AND clicks_0_to_60_days_ago = 0
  AND actions_0_to_60_days_ago = 0
  AND revenue_0_to_60_days_ago = 0
