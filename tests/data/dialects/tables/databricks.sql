-- segments.segment_partners
WITH answers_of_fct_partner_groups AS (
  SELECT
    program_id,
    partner_id,
    MAX(CASE WHEN group_name IN ('Gold', 'Silver, old') THEN 1 ELSE 0 END) AS fct_partner_groups_1
  FROM marts.fct_partner_groups
  GROUP BY
    program_id,
    partner_id
), answers_of_evaluated_contracts AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    MAX(
      CASE
        WHEN is_current
        AND LOCATE(LOWER('50% o\'ff _'), LOWER(template_term_name)) > 0
        AND contract_id IN ('S-7777777')
        AND is_in_force_or_in_play
        THEN 1
        ELSE 0
      END
    ) AS evaluated_contracts_1,
    MAX(CASE WHEN is_current AND contract_stage IN ('None', 'Joined') THEN 1 ELSE 0 END) AS evaluated_contracts_2,
    MAX(CASE WHEN TRUE THEN 1 ELSE 0 END) AS evaluated_contracts_3
  FROM segments.evaluated_contracts
  GROUP BY
    program_id,
    as_of,
    partner_id
)
SELECT
  ROW_NUMBER() OVER (
    ORDER BY evaluated_partners.program_id, evaluated_partners.as_of, evaluated_partners.partner_id
  ) AS partner_number,
  evaluated_partners.program_id,
  evaluated_partners.as_of,
  evaluated_partners.partner_id,
  evaluated_partners.evaluated_stage,
  evaluated_partners.evaluated_transition_date,
  evaluated_partners.last_transition_days_ago,
  evaluated_partners.name,
  COALESCE(answers_of_fct_partner_groups.fct_partner_groups_1, 0) = 1 AS fct_partner_groups_1,
  COALESCE(answers_of_evaluated_contracts.evaluated_contracts_1, 0) = 1 AS evaluated_contracts_1,
  COALESCE(answers_of_evaluated_contracts.evaluated_contracts_2, 0) = 1 AS evaluated_contracts_2,
  COALESCE(answers_of_evaluated_contracts.evaluated_contracts_3, 0) = 1 AS evaluated_contracts_3,
  (
    evaluated_partners.program_id = '1000'
    AND evaluated_partners.evaluated_stage IN ('New', 'Outreach', 'Negotiating', 'Joined', 'Expired')
    AND evaluated_partners.evaluated_transition_date BETWEEN CAST('2024-10-01' AS DATE) AND CAST('2024-10-07' AS DATE)
  )
  OR (
    evaluated_partners.program_id = '1000'
    AND evaluated_partners.evaluated_stage IN ('Joined')
    AND evaluated_partners.last_transition_days_ago = 14
  ) AS is_dated,
  evaluated_partners.program_id = '1000' AS is_undated
FROM segments.evaluated_partners
LEFT JOIN answers_of_fct_partner_groups
  ON answers_of_fct_partner_groups.program_id = evaluated_partners.program_id
  AND answers_of_fct_partner_groups.partner_id = evaluated_partners.partner_id
LEFT JOIN answers_of_evaluated_contracts
  ON answers_of_evaluated_contracts.program_id = evaluated_partners.program_id
  AND answers_of_evaluated_contracts.as_of = evaluated_partners.as_of
  AND answers_of_evaluated_contracts.partner_id = evaluated_partners.partner_id
WHERE
  evaluated_partners.program_id IN ('1000');
-- segments.segment_performance
SELECT
  partner_number,
  is_dated,
  is_undated,
  activity_date,
  days_ago,
  actions,
  clicks,
  revenue
FROM segments.evaluated_performance
JOIN segments.segment_partners
  ON evaluated_performance.program_id = segment_partners.program_id
  AND evaluated_performance.as_of = segment_partners.as_of
  AND evaluated_performance.partner_id = segment_partners.partner_id
WHERE
  is_dated OR is_undated;
-- segments.segment_features_dated
WITH sums_of_actions AS (
  SELECT
    partner_number,
    CAST(SUM(CASE WHEN days_ago BETWEEN 1 AND 30 THEN actions ELSE 0 END) AS BIGINT) AS actions_1_to_30_days_ago
  FROM segments.segment_performance
  WHERE
    is_dated AND actions <> 0 AND days_ago BETWEEN 1 AND 30
  GROUP BY
    partner_number
), sums_of_clicks AS (
  SELECT
    partner_number,
    CAST(SUM(CASE WHEN days_ago BETWEEN 0 AND 14 THEN clicks ELSE 0 END) AS BIGINT) AS clicks_0_to_14_days_ago,
    CAST(SUM(CASE WHEN days_ago BETWEEN 1 AND 30 THEN clicks ELSE 0 END) AS BIGINT) AS clicks_1_to_30_days_ago
  FROM segments.segment_performance
  WHERE
    is_dated AND clicks <> 0 AND days_ago BETWEEN 0 AND 30
  GROUP BY
    partner_number
), sums_of_revenue AS (
  SELECT
    partner_number,
    CAST(SUM(CASE WHEN days_ago BETWEEN 1 AND 30 THEN revenue ELSE 0 END) AS DECIMAL(38, 8)) AS revenue_1_to_30_days_ago
  FROM segments.segment_performance
  WHERE
    is_dated AND revenue <> 0 AND days_ago BETWEEN 1 AND 30
  GROUP BY
    partner_number
)
SELECT
  segment_partners.program_id,
  segment_partners.as_of,
  segment_partners.partner_id,
  segment_partners.evaluated_stage,
  segment_partners.evaluated_transition_date,
  segment_partners.last_transition_days_ago,
  COALESCE(sums_of_actions.actions_1_to_30_days_ago, 0) AS actions_1_to_30_days_ago,
  COALESCE(sums_of_clicks.clicks_0_to_14_days_ago, 0) AS clicks_0_to_14_days_ago,
  COALESCE(sums_of_clicks.clicks_1_to_30_days_ago, 0) AS clicks_1_to_30_days_ago,
  COALESCE(sums_of_revenue.revenue_1_to_30_days_ago, 0) AS revenue_1_to_30_days_ago
FROM segments.segment_partners
LEFT JOIN sums_of_actions
  ON sums_of_actions.partner_number = segment_partners.partner_number
LEFT JOIN sums_of_clicks
  ON sums_of_clicks.partner_number = segment_partners.partner_number
LEFT JOIN sums_of_revenue
  ON sums_of_revenue.partner_number = segment_partners.partner_number
WHERE
  segment_partners.is_dated;
-- segments.segment_features_undated
WITH sums_of_revenue AS (
  SELECT
    partner_number,
    CAST(SUM(revenue) AS DECIMAL(38, 8)) AS revenue_ever
  FROM segments.segment_performance
  WHERE
    is_undated AND revenue <> 0
  GROUP BY
    partner_number
)
SELECT
  segment_partners.program_id,
  segment_partners.as_of,
  segment_partners.partner_id,
  segment_partners.evaluated_contracts_2,
  segment_partners.evaluated_contracts_3,
  COALESCE(sums_of_revenue.revenue_ever, 0) AS revenue_ever
FROM segments.segment_partners
LEFT JOIN sums_of_revenue
  ON sums_of_revenue.partner_number = segment_partners.partner_number
WHERE
  segment_partners.is_undated;
-- marts.segment_membership
SELECT
  'everything-dated' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM segments.segment_features_dated
WHERE
  program_id = '1000'
  AND evaluated_stage IN ('New', 'Outreach', 'Negotiating', 'Joined', 'Expired')
  AND evaluated_transition_date BETWEEN CAST('2024-10-01' AS DATE) AND CAST('2024-10-07' AS DATE)
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
FROM segments.segment_features_dated
WHERE
  program_id = '1000'
  AND evaluated_stage IN ('Joined')
  AND last_transition_days_ago = 14
  AND clicks_0_to_14_days_ago < 100
UNION ALL
SELECT
  'lists' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM segments.segment_partners
WHERE
  program_id = '1000'
  AND fct_partner_groups_1
  AND name IN ('O\'Brien', 'back\\slash {{ x }}')
  AND partner_id IN ('0042917')
UNION ALL
SELECT
  'terms' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM segments.segment_partners
WHERE
  program_id = '1000' AND evaluated_contracts_1
UNION ALL
SELECT
  'without-contract' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM segments.segment_features_undated
WHERE
  program_id = '1000'
  AND revenue_ever < 10
  AND (
    evaluated_contracts_2 OR NOT evaluated_contracts_3
  );
