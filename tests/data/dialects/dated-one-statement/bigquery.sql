-- marts.segment_membership
WITH candidates AS (
  SELECT
    program_id,
    as_of,
    partner_id
  FROM segments.partners_as_of
  WHERE
    (
      program_id = '1000'
      AND relationship_stage_as_of IN ('New', 'Outreach', 'Negotiating', 'Joined', 'Expired')
      AND last_transition_date_as_of BETWEEN CAST('2024-10-01' AS DATE) AND CAST('2024-10-07' AS DATE)
    )
    OR (
      program_id = '1000'
      AND relationship_stage_as_of IN ('Joined')
      AND last_transition_days_ago BETWEEN 1 AND 60
    )
), features AS (
  SELECT
    performance_as_of.program_id AS program_id,
    performance_as_of.as_of AS as_of,
    performance_as_of.partner_id AS partner_id,
    CAST(SUM(CASE WHEN days_ago BETWEEN 1 AND 30 THEN actions ELSE 0 END) AS INT64) AS actions_1_to_30_days_ago,
    CAST(SUM(CASE WHEN days_ago BETWEEN 0 AND 14 THEN clicks ELSE 0 END) AS INT64) AS clicks_0_to_14_days_ago,
    CAST(SUM(CASE WHEN days_ago BETWEEN 0 AND 60 THEN clicks ELSE 0 END) AS INT64) AS clicks_0_to_60_days_ago,
    CAST(SUM(CASE WHEN days_ago BETWEEN 1 AND 30 THEN clicks ELSE 0 END) AS INT64) AS clicks_1_to_30_days_ago,
    CAST(SUM(CASE WHEN days_ago BETWEEN 1 AND 30 THEN revenue ELSE 0 END) AS BIGNUMERIC) AS revenue_1_to_30_days_ago,
    CAST(SUM(CASE WHEN days_ago BETWEEN 61 AND 150 THEN revenue ELSE 0 END) AS BIGNUMERIC) AS revenue_61_to_150_days_ago
  FROM segments.performance_as_of
  JOIN candidates
    ON performance_as_of.program_id = candidates.program_id
    AND performance_as_of.as_of = candidates.as_of
    AND performance_as_of.partner_id = candidates.partner_id
  WHERE
    days_ago BETWEEN 0 AND 150
  GROUP BY
    performance_as_of.program_id,
    performance_as_of.as_of,
    performance_as_of.partner_id
), partners AS (
  SELECT
    partners_as_of.program_id AS program_id,
    partners_as_of.as_of AS as_of,
    partners_as_of.partner_id AS partner_id,
    partners_as_of.last_transition_date_as_of AS last_transition_date_as_of,
    partners_as_of.last_transition_days_ago AS last_transition_days_ago,
    partners_as_of.relationship_stage_as_of AS relationship_stage_as_of,
    COALESCE(features.actions_1_to_30_days_ago, 0) AS actions_1_to_30_days_ago,
    COALESCE(features.clicks_0_to_14_days_ago, 0) AS clicks_0_to_14_days_ago,
    COALESCE(features.clicks_0_to_60_days_ago, 0) AS clicks_0_to_60_days_ago,
    COALESCE(features.clicks_1_to_30_days_ago, 0) AS clicks_1_to_30_days_ago,
    COALESCE(features.revenue_1_to_30_days_ago, 0) AS revenue_1_to_30_days_ago,
    COALESCE(features.revenue_61_to_150_days_ago, 0) AS revenue_61_to_150_days_ago
  FROM segments.partners_as_of
  LEFT JOIN features
    ON partners_as_of.program_id = features.program_id
    AND partners_as_of.as_of = features.as_of
    AND partners_as_of.partner_id = features.partner_id
)
SELECT
  'everything-dated' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND relationship_stage_as_of IN ('New', 'Outreach', 'Negotiating', 'Joined', 'Expired')
  AND last_transition_date_as_of BETWEEN CAST('2024-10-01' AS DATE) AND CAST('2024-10-07' AS DATE)
  AND clicks_1_to_30_days_ago > 0
  AND clicks_1_to_30_days_ago < 100
  AND actions_1_to_30_days_ago > 5
  AND revenue_1_to_30_days_ago > 999.50
UNION ALL
SELECT
  'few-clicks' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND relationship_stage_as_of IN ('Joined')
  AND last_transition_days_ago = 14
  AND clicks_0_to_14_days_ago < 100
UNION ALL
SELECT
  'win-back' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND last_transition_days_ago BETWEEN 1 AND 60
  AND relationship_stage_as_of IN ('Joined')
  AND clicks_0_to_60_days_ago = 0
  AND revenue_61_to_150_days_ago > 0;
