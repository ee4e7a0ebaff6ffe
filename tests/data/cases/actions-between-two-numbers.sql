-- actions-between-two-numbers: A case
-- Actions greater than 2
-- Actions less than 5
WITH features AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    CAST(SUM(actions) AS BIGINT) AS actions_ever
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
    COALESCE(features.actions_ever, 0) AS actions_ever
  FROM segments.evaluated_partners
  LEFT JOIN features
    ON evaluated_partners.program_id = features.program_id
    AND evaluated_partners.as_of = features.as_of
    AND evaluated_partners.partner_id = features.partner_id
)
SELECT
  'actions-between-two-numbers' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000' AND actions_ever > 2 AND actions_ever < 5
