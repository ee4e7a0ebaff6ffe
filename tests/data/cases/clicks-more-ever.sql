-- clicks-more-ever: A case
-- Clicks greater than 100
WITH features AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    CAST(SUM(clicks) AS BIGINT) AS clicks_ever
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
    COALESCE(features.clicks_ever, 0) AS clicks_ever
  FROM segments.partners_as_of
  LEFT JOIN features
    ON partners_as_of.program_id = features.program_id
    AND partners_as_of.as_of = features.as_of
    AND partners_as_of.partner_id = features.partner_id
)
SELECT
  'clicks-more-ever' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000' AND clicks_ever > 100
