-- performance-between-two-dates: A case
-- Performance Date Range between Oct 1 2024 and Oct 7 2024
-- Clicks greater than 9
WITH features AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    CAST(SUM(
      CASE
        WHEN activity_date BETWEEN CAST('2024-10-01' AS DATE) AND CAST('2024-10-07' AS DATE)
        THEN clicks
        ELSE 0
      END
    ) AS BIGINT) AS clicks_2024_10_01_to_2024_10_07
  FROM segments.performance_as_of
  WHERE
    activity_date BETWEEN CAST('2024-10-01' AS DATE) AND CAST('2024-10-07' AS DATE)
  GROUP BY
    program_id,
    as_of,
    partner_id
), partners AS (
  SELECT
    partners_as_of.program_id AS program_id,
    partners_as_of.as_of AS as_of,
    partners_as_of.partner_id AS partner_id,
    COALESCE(features.clicks_2024_10_01_to_2024_10_07, 0) AS clicks_2024_10_01_to_2024_10_07
  FROM segments.partners_as_of
  LEFT JOIN features
    ON partners_as_of.program_id = features.program_id
    AND partners_as_of.as_of = features.as_of
    AND partners_as_of.partner_id = features.partner_id
)
SELECT
  'performance-between-two-dates' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000' AND clicks_2024_10_01_to_2024_10_07 > 9
