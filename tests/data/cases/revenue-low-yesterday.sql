-- revenue-low-yesterday: A case
-- Performance Date Range is Yesterday
-- Revenue less than 100.50
WITH features AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    CAST(SUM(CASE WHEN days_ago = 1 THEN revenue ELSE 0 END) AS DECIMAL(38, 8)) AS revenue_1_to_1_days_ago
  FROM segments.evaluated_performance
  WHERE
    days_ago = 1
  GROUP BY
    program_id,
    as_of,
    partner_id
), partners AS (
  SELECT
    evaluated_partners.program_id,
    evaluated_partners.as_of,
    evaluated_partners.partner_id,
    COALESCE(features.revenue_1_to_1_days_ago, 0) AS revenue_1_to_1_days_ago
  FROM segments.evaluated_partners
  LEFT JOIN features
    ON evaluated_partners.program_id = features.program_id
    AND evaluated_partners.as_of = features.as_of
    AND evaluated_partners.partner_id = features.partner_id
)
SELECT
  'revenue-low-yesterday' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000' AND revenue_1_to_1_days_ago < 100.50
