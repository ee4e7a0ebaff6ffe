-- segments.segment_partners
WITH fct_partner_groups_matches AS (
  SELECT
    program_id,
    partner_id,
    MAX(CASE WHEN group_name IN ('Gold', 'O''Brien') THEN 1 ELSE 0 END) AS fct_partner_groups_1
  FROM marts.fct_partner_groups
  GROUP BY
    program_id,
    partner_id
), contacts_as_of_matches AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    MAX(
      CASE
        WHEN workflow_id IN ('welcome') AND contact_days_ago BETWEEN 1 AND 30
        THEN 1
        ELSE 0
      END
    ) AS contacts_as_of_1,
    MAX(CASE WHEN workflow_id IN ('reminder') THEN 1 ELSE 0 END) AS contacts_as_of_2
  FROM segments.contacts_as_of
  GROUP BY
    program_id,
    as_of,
    partner_id
), contracts_as_of_matches AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    MAX(CASE WHEN is_current AND contract_id IN ('S-1') THEN 1 ELSE 0 END) AS contracts_as_of_1,
    MAX(CASE WHEN is_current AND contract_stage IN ('None', 'Expired') THEN 1 ELSE 0 END) AS contracts_as_of_2,
    MAX(CASE WHEN TRUE THEN 1 ELSE 0 END) AS contracts_as_of_3,
    MAX(
      CASE
        WHEN is_current
        AND end_days_ago BETWEEN -30 AND 0
        AND template_term_name IN ('Gold')
        AND is_agreed
        THEN 1
        ELSE 0
      END
    ) AS contracts_as_of_4,
    MAX(
      CASE
        WHEN is_current AND template_term_name IN ('Gold') AND is_open
        THEN 1
        ELSE 0
      END
    ) AS contracts_as_of_5
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
  partners_as_of.last_transition_days_ago AS last_transition_days_ago,
  partners_as_of.name AS name,
  partners_as_of.relationship_stage_as_of AS relationship_stage_as_of,
  COALESCE(fct_partner_groups_matches.fct_partner_groups_1, 0) = 1 AS fct_partner_groups_1,
  COALESCE(contacts_as_of_matches.contacts_as_of_1, 0) = 1 AS contacts_as_of_1,
  COALESCE(contacts_as_of_matches.contacts_as_of_2, 0) = 1 AS contacts_as_of_2,
  COALESCE(contracts_as_of_matches.contracts_as_of_1, 0) = 1 AS contracts_as_of_1,
  COALESCE(contracts_as_of_matches.contracts_as_of_2, 0) = 1 AS contracts_as_of_2,
  COALESCE(contracts_as_of_matches.contracts_as_of_3, 0) = 1 AS contracts_as_of_3,
  COALESCE(contracts_as_of_matches.contracts_as_of_4, 0) = 1 AS contracts_as_of_4,
  COALESCE(contracts_as_of_matches.contracts_as_of_5, 0) = 1 AS contracts_as_of_5,
  partners_as_of.program_id = '1000'
  OR (
    partners_as_of.program_id = '1000'
    AND partners_as_of.relationship_stage_as_of IN ('Joined')
  ) AS in_features_all_partners
FROM segments.partners_as_of
LEFT JOIN fct_partner_groups_matches
  ON fct_partner_groups_matches.program_id = partners_as_of.program_id
  AND fct_partner_groups_matches.partner_id = partners_as_of.partner_id
LEFT JOIN contacts_as_of_matches
  ON contacts_as_of_matches.program_id = partners_as_of.program_id
  AND contacts_as_of_matches.as_of = partners_as_of.as_of
  AND contacts_as_of_matches.partner_id = partners_as_of.partner_id
LEFT JOIN contracts_as_of_matches
  ON contracts_as_of_matches.program_id = partners_as_of.program_id
  AND contracts_as_of_matches.as_of = partners_as_of.as_of
  AND contracts_as_of_matches.partner_id = partners_as_of.partner_id
WHERE
  partners_as_of.program_id IN ('1000');
-- segments.segment_performance
SELECT
  segment_partners.partner_sk AS partner_sk,
  in_features_all_partners,
  activity_date,
  days_ago,
  clicks,
  revenue
FROM segments.performance_as_of
JOIN segments.segment_partners
  ON performance_as_of.program_id = segment_partners.program_id
  AND performance_as_of.as_of = segment_partners.as_of
  AND performance_as_of.partner_id = segment_partners.partner_id
WHERE
  in_features_all_partners AND days_ago BETWEEN 0 AND 150;
-- segments.segment_features_all_partners
WITH sums_of_clicks AS (
  SELECT
    partner_sk,
    CAST(SUM(CASE WHEN days_ago BETWEEN 0 AND 60 THEN clicks ELSE 0 END) AS BIGINT) AS clicks_0_to_60_days_ago
  FROM segments.segment_performance
  WHERE
    in_features_all_partners AND clicks <> 0 AND days_ago BETWEEN 0 AND 60
  GROUP BY
    partner_sk
), sums_of_revenue AS (
  SELECT
    partner_sk,
    CAST(SUM(CASE WHEN days_ago BETWEEN 61 AND 150 THEN revenue ELSE 0 END) AS DECIMAL(38, 8)) AS revenue_61_to_150_days_ago
  FROM segments.segment_performance
  WHERE
    in_features_all_partners AND revenue <> 0 AND days_ago BETWEEN 61 AND 150
  GROUP BY
    partner_sk
)
SELECT
  segment_partners.program_id AS program_id,
  segment_partners.as_of AS as_of,
  segment_partners.partner_id AS partner_id,
  segment_partners.contracts_as_of_5 AS contracts_as_of_5,
  segment_partners.last_transition_days_ago AS last_transition_days_ago,
  segment_partners.relationship_stage_as_of AS relationship_stage_as_of,
  COALESCE(sums_of_clicks.clicks_0_to_60_days_ago, 0) AS clicks_0_to_60_days_ago,
  COALESCE(sums_of_revenue.revenue_61_to_150_days_ago, 0) AS revenue_61_to_150_days_ago
FROM segments.segment_partners
LEFT JOIN sums_of_clicks
  ON sums_of_clicks.partner_sk = segment_partners.partner_sk
LEFT JOIN sums_of_revenue
  ON sums_of_revenue.partner_sk = segment_partners.partner_sk
WHERE
  segment_partners.in_features_all_partners;
-- marts.segment_membership
WITH members AS MATERIALIZED (
  SELECT
    'but-groups' AS workflow_id,
    program_id,
    partner_id,
    as_of AS evaluated_at
  FROM segments.segment_partners
  WHERE
    program_id = '1000'
    AND NOT fct_partner_groups_1
    AND (
      name IS NULL OR NOT name IN ('A')
    )
    AND NOT contracts_as_of_1
    AND NOT (
      contracts_as_of_2 OR NOT contracts_as_of_3
    )
  UNION ALL
  SELECT
    'contacted' AS workflow_id,
    program_id,
    partner_id,
    as_of AS evaluated_at
  FROM segments.segment_partners
  WHERE
    program_id = '1000' AND contacts_as_of_1
  UNION ALL
  SELECT
    'ends-soon' AS workflow_id,
    program_id,
    partner_id,
    as_of AS evaluated_at
  FROM segments.segment_partners
  WHERE
    program_id = '1000' AND NOT contacts_as_of_2 AND contracts_as_of_4
  UNION ALL
  SELECT
    'or-and-not' AS workflow_id,
    program_id,
    partner_id,
    as_of AS evaluated_at
  FROM segments.segment_features_all_partners
  WHERE
    program_id = '1000'
    AND (
      (
        CASE WHEN revenue_61_to_150_days_ago > 0 THEN 1 ELSE 0 END = 0
        AND contracts_as_of_5
      )
      OR revenue_61_to_150_days_ago > 0
    )
    AND CASE
      WHEN (
        relationship_stage_as_of IS NULL OR NOT relationship_stage_as_of IN ('Expired')
      )
      AND last_transition_days_ago = 0
      THEN 1
      ELSE 0
    END = 0
  UNION ALL
  SELECT
    'win-back' AS workflow_id,
    program_id,
    partner_id,
    as_of AS evaluated_at
  FROM segments.segment_features_all_partners
  WHERE
    program_id = '1000'
    AND relationship_stage_as_of IN ('Joined')
    AND clicks_0_to_60_days_ago = 0
    AND revenue_61_to_150_days_ago > 0
)
SELECT
  workflow_id,
  program_id,
  partner_id,
  evaluated_at
FROM members;
