-- performance-between-dates-to-come: A case
-- Performance Date Range between Mar 16 2026 and Mar 22 2026
-- Actions less than 2
WITH features AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    CAST(SUM(
      CASE
        WHEN activity_date BETWEEN CAST('2026-03-16' AS DATE) AND CAST('2026-03-22' AS DATE)
        THEN actions
        ELSE 0
      END
    ) AS BIGINT) AS actions_2026_03_16_to_2026_03_22
  FROM segments.performance_as_of
  WHERE
    activity_date BETWEEN CAST('2026-03-16' AS DATE) AND CAST('2026-03-22' AS DATE)
  GROUP BY
    program_id,
    as_of,
    partner_id
), partners AS (
  SELECT
    partners_as_of.program_id AS program_id,
    partners_as_of.as_of AS as_of,
    partners_as_of.partner_id AS partner_id,
    COALESCE(features.actions_2026_03_16_to_2026_03_22, 0) AS actions_2026_03_16_to_2026_03_22
  FROM segments.partners_as_of
  LEFT JOIN features
    ON partners_as_of.program_id = features.program_id
    AND partners_as_of.as_of = features.as_of
    AND partners_as_of.partner_id = features.partner_id
)
SELECT
  'performance-between-dates-to-come' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000' AND actions_2026_03_16_to_2026_03_22 < 2
