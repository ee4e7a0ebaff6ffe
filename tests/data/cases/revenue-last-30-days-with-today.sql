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
  FROM segments.performance_as_of
  WHERE
    days_ago BETWEEN 0 AND 30
  GROUP BY
    program_id,
    as_of,
    partner_id
), partners AS (
  SELECT
    partners_as_of.program_id AS program_id,
    partners_as_of.as_of AS as_of,
    partners_as_of.partner_id AS partner_id,
    partners_as_of.last_transition_days_ago AS last_transition_days_ago,
    partners_as_of.relationship_stage_as_of AS relationship_stage_as_of,
    COALESCE(features.revenue_0_to_30_days_ago, 0) AS revenue_0_to_30_days_ago
  FROM segments.partners_as_of
  LEFT JOIN features
    ON partners_as_of.program_id = features.program_id
    AND partners_as_of.as_of = features.as_of
    AND partners_as_of.partner_id = features.partner_id
)
SELECT
  'revenue-last-30-days-with-today' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND relationship_stage_as_of IN ('Joined')
  AND last_transition_days_ago BETWEEN 0 AND 30
  AND revenue_0_to_30_days_ago > 0
