-- marts.segment_membership
WITH features AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    CAST(SUM(CASE WHEN days_ago BETWEEN 1 AND 30 THEN actions ELSE 0 END) AS BIGINT) AS actions_1_to_30_days_ago,
    CAST(SUM(CASE WHEN days_ago BETWEEN 0 AND 14 THEN clicks ELSE 0 END) AS BIGINT) AS clicks_0_to_14_days_ago,
    CAST(SUM(CASE WHEN days_ago BETWEEN 1 AND 30 THEN clicks ELSE 0 END) AS BIGINT) AS clicks_1_to_30_days_ago,
    CAST(SUM(CASE WHEN days_ago BETWEEN 1 AND 30 THEN revenue ELSE 0 END) AS DECIMAL(38, 8)) AS revenue_1_to_30_days_ago,
    CAST(SUM(revenue) AS DECIMAL(38, 8)) AS revenue_ever
  FROM segments.evaluated_performance
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
    evaluated_partners.evaluated_transition_date,
    evaluated_partners.last_transition_days_ago,
    evaluated_partners.name,
    COALESCE(features.actions_1_to_30_days_ago, 0) AS actions_1_to_30_days_ago,
    COALESCE(features.clicks_0_to_14_days_ago, 0) AS clicks_0_to_14_days_ago,
    COALESCE(features.clicks_1_to_30_days_ago, 0) AS clicks_1_to_30_days_ago,
    COALESCE(features.revenue_1_to_30_days_ago, 0) AS revenue_1_to_30_days_ago,
    COALESCE(features.revenue_ever, 0) AS revenue_ever
  FROM segments.evaluated_partners
  LEFT JOIN features
    ON evaluated_partners.program_id = features.program_id
    AND evaluated_partners.as_of = features.as_of
    AND evaluated_partners.partner_id = features.partner_id
)
SELECT
  'everything-dated' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
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
FROM partners
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
FROM partners
WHERE
  program_id = '1000'
  AND EXISTS(
    SELECT
      1
    FROM marts.fct_partner_groups
    WHERE
      fct_partner_groups.program_id = partners.program_id
      AND fct_partner_groups.partner_id = partners.partner_id
      AND fct_partner_groups.group_name IN ('Gold', 'Silver, old')
  )
  AND name IN ('O\'Brien', 'back\\slash {{ x }}')
  AND partner_id IN ('0042917')
UNION ALL
SELECT
  'terms' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND EXISTS(
    SELECT
      1
    FROM segments.evaluated_contracts
    WHERE
      evaluated_contracts.program_id = partners.program_id
      AND evaluated_contracts.as_of = partners.as_of
      AND evaluated_contracts.partner_id = partners.partner_id
      AND evaluated_contracts.is_current
      AND POSITION(LOWER('50% o\'ff _') IN LOWER(evaluated_contracts.template_term_name)) > 0
      AND evaluated_contracts.contract_id IN ('S-7777777')
      AND evaluated_contracts.is_in_force_or_in_play
  )
UNION ALL
SELECT
  'without-contract' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND revenue_ever < 10
  AND (
    EXISTS(
      SELECT
        1
      FROM segments.evaluated_contracts
      WHERE
        evaluated_contracts.program_id = partners.program_id
        AND evaluated_contracts.as_of = partners.as_of
        AND evaluated_contracts.partner_id = partners.partner_id
        AND evaluated_contracts.is_current
        AND evaluated_contracts.contract_stage IN ('None', 'Joined')
    )
    OR NOT EXISTS(
      SELECT
        1
      FROM segments.evaluated_contracts
      WHERE
        evaluated_contracts.program_id = partners.program_id
        AND evaluated_contracts.as_of = partners.as_of
        AND evaluated_contracts.partner_id = partners.partner_id
    )
  );
