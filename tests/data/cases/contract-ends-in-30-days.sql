-- contract-ends-in-30-days: A case
-- Contract End Date is in 30 Days
-- Contract Stage is any of Joined
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id
  FROM segments.partners_as_of
)
SELECT
  'contract-ends-in-30-days' AS workflow_id,
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
      AND contracts_as_of.end_days_ago = -30
      AND contracts_as_of.contract_stage IN ('Joined')
  )
