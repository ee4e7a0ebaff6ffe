-- revenue-low-yesterday: A case
-- Performance Date Range is Yesterday
-- Revenue less than 100.50
WITH features AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    CAST(SUM(CASE WHEN days_ago = 1 THEN revenue ELSE 0 END) AS DECIMAL(38, 8)) AS revenue_1_to_1_days_ago
  FROM segments.performance_as_of
  WHERE
    days_ago = 1
  GROUP BY
    program_id,
    as_of,
    partner_id
), partners AS (
  SELECT
    partners_as_of.program_id AS program_id,
    partners_as_of.as_of AS as_of,
    partners_as_of.partner_id AS partner_id,
    COALESCE(features.revenue_1_to_1_days_ago, 0) AS revenue_1_to_1_days_ago
  FROM segments.partners_as_of
  LEFT JOIN features
    ON partners_as_of.program_id = features.program_id
    AND partners_as_of.as_of = features.as_of
    AND partners_as_of.partner_id = features.partner_id
)
SELECT
  'revenue-low-yesterday' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000' AND revenue_1_to_1_days_ago < 100.50
