-- segments-or-and-not: A case
-- Segment is any of new-prospects, gold
-- Segment is none of moved-today
-- gold: Partner Template Term is any of Gold
-- gold: Segment is none of sold-much
-- moved-today: Relationship Stage is none of Expired
-- moved-today: Last Transition Date is Today
-- new-prospects: Relationship Stage is any of None, New
-- sold-much: Performance Date Range is Last 30 Days
-- sold-much: Revenue greater than 999
WITH features AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    CAST(SUM(CASE WHEN days_ago BETWEEN 1 AND 30 THEN revenue ELSE 0 END) AS DECIMAL(38, 8)) AS revenue_1_to_30_days_ago
  FROM segments.performance_as_of
  WHERE
    days_ago BETWEEN 1 AND 30
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
    COALESCE(features.revenue_1_to_30_days_ago, 0) AS revenue_1_to_30_days_ago
  FROM segments.partners_as_of
  LEFT JOIN features
    ON partners_as_of.program_id = features.program_id
    AND partners_as_of.as_of = features.as_of
    AND partners_as_of.partner_id = features.partner_id
)
SELECT
  'segments-or-and-not' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND (
    relationship_stage_as_of IN ('None', 'New')
    OR (
      CASE WHEN revenue_1_to_30_days_ago > 999 THEN 1 ELSE 0 END = 0
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
  )
  AND CASE
    WHEN (
      relationship_stage_as_of IS NULL OR NOT relationship_stage_as_of IN ('Expired')
    )
    AND last_transition_days_ago = 0
    THEN 1
    ELSE 0
  END = 0
