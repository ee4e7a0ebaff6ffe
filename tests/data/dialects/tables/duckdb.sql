-- segments.segment_partners
WITH fct_partner_groups_matches AS (
  SELECT
    program_id,
    partner_id,
    MAX(CASE WHEN group_name IN ('Gold', 'Silver, old') THEN 1 ELSE 0 END) AS fct_partner_groups_1
  FROM marts.fct_partner_groups
  GROUP BY
    program_id,
    partner_id
), contracts_as_of_matches AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    MAX(
      CASE
        WHEN is_current
        AND STRPOS(LOWER(template_term_name), LOWER('50% o''ff _')) > 0
        AND contract_id IN ('S-7777777')
        AND is_open
        THEN 1
        ELSE 0
      END
    ) AS contracts_as_of_1,
    MAX(CASE WHEN is_current AND contract_stage IN ('None', 'Joined') THEN 1 ELSE 0 END) AS contracts_as_of_2,
    MAX(CASE WHEN TRUE THEN 1 ELSE 0 END) AS contracts_as_of_3
  FROM segments.contracts_as_of
  GROUP BY
    program_id,
    as_of,
    partner_id
)
SELECT
  ROW_NUMBER() OVER (
    ORDER BY partners_as_of.program_id, partners_as_of.as_of, partners_as_of.partner_id
  ) AS partner_sk,
  partners_as_of.program_id AS program_id,
  partners_as_of.as_of AS as_of,
  partners_as_of.partner_id AS partner_id,
  partners_as_of.last_transition_date_as_of AS last_transition_date_as_of,
  partners_as_of.last_transition_days_ago AS last_transition_days_ago,
  partners_as_of.name AS name,
  partners_as_of.relationship_stage_as_of AS relationship_stage_as_of,
  COALESCE(fct_partner_groups_matches.fct_partner_groups_1, 0) = 1 AS fct_partner_groups_1,
  COALESCE(contracts_as_of_matches.contracts_as_of_1, 0) = 1 AS contracts_as_of_1,
  COALESCE(contracts_as_of_matches.contracts_as_of_2, 0) = 1 AS contracts_as_of_2,
  COALESCE(contracts_as_of_matches.contracts_as_of_3, 0) = 1 AS contracts_as_of_3,
  (
    partners_as_of.program_id = '1000'
    AND partners_as_of.relationship_stage_as_of IN ('New', 'Outreach', 'Negotiating', 'Joined', 'Expired')
    AND partners_as_of.last_transition_date_as_of BETWEEN CAST('2024-10-01' AS DATE) AND CAST('2024-10-07' AS DATE)
  )
  OR (
    partners_as_of.program_id = '1000'
    AND partners_as_of.relationship_stage_as_of IN ('Joined')
    AND partners_as_of.last_transition_days_ago = 14
  ) AS in_features_by_transition,
  partners_as_of.program_id = '1000' AS in_features_all_partners
FROM segments.partners_as_of
LEFT JOIN fct_partner_groups_matches
  ON fct_partner_groups_matches.program_id = partners_as_of.program_id
  AND fct_partner_groups_matches.partner_id = partners_as_of.partner_id
LEFT JOIN contracts_as_of_matches
  ON contracts_as_of_matches.program_id = partners_as_of.program_id
  AND contracts_as_of_matches.as_of = partners_as_of.as_of
  AND contracts_as_of_matches.partner_id = partners_as_of.partner_id
WHERE
  partners_as_of.program_id IN ('1000');
-- segments.segment_performance
SELECT
  segment_partners.partner_sk AS partner_sk,
  in_features_by_transition,
  in_features_all_partners,
  activity_date,
  days_ago,
  actions,
  clicks,
  revenue
FROM segments.performance_as_of
JOIN segments.segment_partners
  ON performance_as_of.program_id = segment_partners.program_id
  AND performance_as_of.as_of = segment_partners.as_of
  AND performance_as_of.partner_id = segment_partners.partner_id
WHERE
  in_features_by_transition OR in_features_all_partners;
-- segments.segment_features_by_transition
WITH sums_of_actions AS (
  SELECT
    partner_sk,
    CAST(SUM(CASE WHEN days_ago BETWEEN 1 AND 30 THEN actions ELSE 0 END) AS BIGINT) AS actions_1_to_30_days_ago
  FROM segments.segment_performance
  WHERE
    in_features_by_transition AND actions <> 0 AND days_ago BETWEEN 1 AND 30
  GROUP BY
    partner_sk
), sums_of_clicks AS (
  SELECT
    partner_sk,
    CAST(SUM(CASE WHEN days_ago BETWEEN 0 AND 14 THEN clicks ELSE 0 END) AS BIGINT) AS clicks_0_to_14_days_ago,
    CAST(SUM(CASE WHEN days_ago BETWEEN 1 AND 30 THEN clicks ELSE 0 END) AS BIGINT) AS clicks_1_to_30_days_ago
  FROM segments.segment_performance
  WHERE
    in_features_by_transition AND clicks <> 0 AND days_ago BETWEEN 0 AND 30
  GROUP BY
    partner_sk
), sums_of_revenue AS (
  SELECT
    partner_sk,
    CAST(SUM(CASE WHEN days_ago BETWEEN 1 AND 30 THEN revenue ELSE 0 END) AS DECIMAL(38, 8)) AS revenue_1_to_30_days_ago
  FROM segments.segment_performance
  WHERE
    in_features_by_transition AND revenue <> 0 AND days_ago BETWEEN 1 AND 30
  GROUP BY
    partner_sk
)
SELECT
  segment_partners.program_id AS program_id,
  segment_partners.as_of AS as_of,
  segment_partners.partner_id AS partner_id,
  segment_partners.last_transition_date_as_of AS last_transition_date_as_of,
  segment_partners.last_transition_days_ago AS last_transition_days_ago,
  segment_partners.relationship_stage_as_of AS relationship_stage_as_of,
  COALESCE(sums_of_actions.actions_1_to_30_days_ago, 0) AS actions_1_to_30_days_ago,
  COALESCE(sums_of_clicks.clicks_0_to_14_days_ago, 0) AS clicks_0_to_14_days_ago,
  COALESCE(sums_of_clicks.clicks_1_to_30_days_ago, 0) AS clicks_1_to_30_days_ago,
  COALESCE(sums_of_revenue.revenue_1_to_30_days_ago, 0) AS revenue_1_to_30_days_ago
FROM segments.segment_partners
LEFT JOIN sums_of_actions
  ON sums_of_actions.partner_sk = segment_partners.partner_sk
LEFT JOIN sums_of_clicks
  ON sums_of_clicks.partner_sk = segment_partners.partner_sk
LEFT JOIN sums_of_revenue
  ON sums_of_revenue.partner_sk = segment_partners.partner_sk
WHERE
  segment_partners.in_features_by_transition;
-- segments.segment_features_all_partners
WITH sums_of_revenue AS (
  SELECT
    partner_sk,
    CAST(SUM(revenue) AS DECIMAL(38, 8)) AS revenue_ever
  FROM segments.segment_performance
  WHERE
    in_features_all_partners AND revenue <> 0
  GROUP BY
    partner_sk
)
SELECT
  segment_partners.program_id AS program_id,
  segment_partners.as_of AS as_of,
  segment_partners.partner_id AS partner_id,
  segment_partners.contracts_as_of_2 AS contracts_as_of_2,
  segment_partners.contracts_as_of_3 AS contracts_as_of_3,
  COALESCE(sums_of_revenue.revenue_ever, 0) AS revenue_ever
FROM segments.segment_partners
LEFT JOIN sums_of_revenue
  ON sums_of_revenue.partner_sk = segment_partners.partner_sk
WHERE
  segment_partners.in_features_all_partners;
-- marts.segment_membership
WITH members AS MATERIALIZED (
  SELECT
    'everything-dated' AS workflow_id,
    program_id,
    partner_id,
    as_of AS evaluated_at
  FROM segments.segment_features_by_transition
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
  FROM segments.segment_features_by_transition
  WHERE
    program_id = '1000'
    AND relationship_stage_as_of IN ('Joined')
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
    AND name IN ('O''Brien', 'back\slash {{ x }}')
    AND partner_id IN ('0042917')
  UNION ALL
  SELECT
    'terms' AS workflow_id,
    program_id,
    partner_id,
    as_of AS evaluated_at
  FROM segments.segment_partners
  WHERE
    program_id = '1000' AND contracts_as_of_1
  UNION ALL
  SELECT
    'without-contract' AS workflow_id,
    program_id,
    partner_id,
    as_of AS evaluated_at
  FROM segments.segment_features_all_partners
  WHERE
    program_id = '1000'
    AND revenue_ever < 10
    AND (
      contracts_as_of_2 OR NOT contracts_as_of_3
    )
)
SELECT
  workflow_id,
  program_id,
  partner_id,
  evaluated_at
FROM members;
