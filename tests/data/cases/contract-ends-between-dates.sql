-- contract-ends-between-dates: A case
-- Contract End Date between Apr 1 2026 and Apr 30 2026
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id
  FROM segments.partners_as_of
)
SELECT
  'contract-ends-between-dates' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND EXISTS(
    SELECT
      1
    FROM segments.contracts_as_of
    WHERE
      contracts_as_of.program_id = partners.program_id
      AND contracts_as_of.as_of = partners.as_of
      AND contracts_as_of.partner_id = partners.partner_id
      AND contracts_as_of.is_current
      AND contracts_as_of.end_date BETWEEN CAST('2026-04-01' AS DATE) AND CAST('2026-04-30' AS DATE)
      AND contracts_as_of.is_agreed
  )
