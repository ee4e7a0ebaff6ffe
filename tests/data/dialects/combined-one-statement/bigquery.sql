-- marts.segment_membership
WITH features AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    CAST(SUM(CASE WHEN days_ago BETWEEN 0 AND 60 THEN clicks ELSE 0 END) AS INT64) AS clicks_0_to_60_days_ago,
    CAST(SUM(CASE WHEN days_ago BETWEEN 61 AND 150 THEN revenue ELSE 0 END) AS BIGNUMERIC) AS revenue_61_to_150_days_ago
  FROM segments.performance_as_of
  WHERE
    days_ago BETWEEN 0 AND 150
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
    partners_as_of.name AS name,
    partners_as_of.relationship_stage_as_of AS relationship_stage_as_of,
    COALESCE(features.clicks_0_to_60_days_ago, 0) AS clicks_0_to_60_days_ago,
    COALESCE(features.revenue_61_to_150_days_ago, 0) AS revenue_61_to_150_days_ago
  FROM segments.partners_as_of
  LEFT JOIN features
    ON partners_as_of.program_id = features.program_id
    AND partners_as_of.as_of = features.as_of
    AND partners_as_of.partner_id = features.partner_id
)
SELECT
  'but-groups' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND NOT EXISTS(
    SELECT
      1
    FROM marts.fct_partner_groups
    WHERE
      fct_partner_groups.program_id = partners.program_id
      AND fct_partner_groups.partner_id = partners.partner_id
      AND fct_partner_groups.group_name IN ('Gold', 'O\'Brien')
  )
  AND (
    name IS NULL OR NOT name IN ('A')
  )
  AND NOT EXISTS(
    SELECT
      1
    FROM segments.contracts_as_of
    WHERE
      contracts_as_of.program_id = partners.program_id
      AND contracts_as_of.as_of = partners.as_of
      AND contracts_as_of.partner_id = partners.partner_id
      AND contracts_as_of.is_current
      AND contracts_as_of.contract_id IN ('S-1')
  )
  AND NOT (
    EXISTS(
      SELECT
        1
      FROM segments.contracts_as_of
      WHERE
        contracts_as_of.program_id = partners.program_id
        AND contracts_as_of.as_of = partners.as_of
        AND contracts_as_of.partner_id = partners.partner_id
        AND contracts_as_of.is_current
        AND contracts_as_of.contract_stage IN ('None', 'Expired')
    )
    OR NOT EXISTS(
      SELECT
        1
      FROM segments.contracts_as_of
      WHERE
        contracts_as_of.program_id = partners.program_id
        AND contracts_as_of.as_of = partners.as_of
        AND contracts_as_of.partner_id = partners.partner_id
    )
  )
UNION ALL
SELECT
  'contacted' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND EXISTS(
    SELECT
      1
    FROM segments.contacts_as_of
    WHERE
      contacts_as_of.program_id = partners.program_id
      AND contacts_as_of.as_of = partners.as_of
      AND contacts_as_of.partner_id = partners.partner_id
      AND contacts_as_of.workflow_id IN ('welcome')
      AND contacts_as_of.contact_days_ago BETWEEN 1 AND 30
  )
UNION ALL
SELECT
  'ends-soon' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND NOT EXISTS(
    SELECT
      1
    FROM segments.contacts_as_of
    WHERE
      contacts_as_of.program_id = partners.program_id
      AND contacts_as_of.as_of = partners.as_of
      AND contacts_as_of.partner_id = partners.partner_id
      AND contacts_as_of.workflow_id IN ('reminder')
  )
  AND EXISTS(
    SELECT
      1
    FROM segments.contracts_as_of
    WHERE
      contracts_as_of.program_id = partners.program_id
      AND contracts_as_of.as_of = partners.as_of
      AND contracts_as_of.partner_id = partners.partner_id
      AND contracts_as_of.is_current
      AND contracts_as_of.end_days_ago BETWEEN -30 AND 0
      AND contracts_as_of.template_term_name IN ('Gold')
      AND contracts_as_of.is_agreed
  )
UNION ALL
SELECT
  'or-and-not' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND (
    (
      CASE WHEN revenue_61_to_150_days_ago > 0 THEN 1 ELSE 0 END = 0
      AND EXISTS(
        SELECT
          1
        FROM segments.contracts_as_of
        WHERE
          contracts_as_of.program_id = partners.program_id
          AND contracts_as_of.as_of = partners.as_of
          AND contracts_as_of.partner_id = partners.partner_id
          AND contracts_as_of.is_current
          AND contracts_as_of.template_term_name IN ('Gold')
          AND contracts_as_of.is_open
      )
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
FROM partners
WHERE
  program_id = '1000'
  AND relationship_stage_as_of IN ('Joined')
  AND clicks_0_to_60_days_ago = 0
  AND revenue_61_to_150_days_ago > 0;
