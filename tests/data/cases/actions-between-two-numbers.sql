-- actions-between-two-numbers: A case
-- Actions greater than 2
-- Actions less than 5
WITH features AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    CAST(SUM(actions) AS BIGINT) AS actions_ever
  FROM segments.performance_as_of
  GROUP BY
    program_id,
    as_of,
    partner_id
), partners AS (
  SELECT
    partners_as_of.program_id AS program_id,
    partners_as_of.as_of AS as_of,
    partners_as_of.partner_id AS partner_id,
    COALESCE(features.actions_ever, 0) AS actions_ever
  FROM segments.partners_as_of
  LEFT JOIN features
    ON partners_as_of.program_id = features.program_id
    AND partners_as_of.as_of = features.as_of
    AND partners_as_of.partner_id = features.partner_id
)
SELECT
  'actions-between-two-numbers' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000' AND actions_ever > 2 AND actions_ever < 5
