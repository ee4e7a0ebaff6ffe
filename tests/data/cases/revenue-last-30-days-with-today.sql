-- revenue-last-30-days-with-today: A case
-- Relationship Stage is any of Joined
-- Last Transition Date is Last 30 Days
-- Performance Date Range is Last 30 Days
-- Revenue greater than 0
WITH features AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    CAST(SUM(CASE WHEN days_ago BETWEEN 0 AND 30 THEN revenue ELSE 0 END) AS DECIMAL(38, 8)) AS revenue_0_to_30_days_ago
  FROM segments.evaluated_performance
  WHERE
    days_ago BETWEEN 0 AND 30
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
    evaluated_partners.last_transition_days_ago,
    COALESCE(features.revenue_0_to_30_days_ago, 0) AS revenue_0_to_30_days_ago
  FROM segments.evaluated_partners
  LEFT JOIN features
    ON evaluated_partners.program_id = features.program_id
    AND evaluated_partners.as_of = features.as_of
    AND evaluated_partners.partner_id = features.partner_id
)
SELECT
  'revenue-last-30-days-with-today' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND evaluated_stage IN ('Joined')
  AND last_transition_days_ago BETWEEN 0 AND 30
  AND revenue_0_to_30_days_ago > 0
