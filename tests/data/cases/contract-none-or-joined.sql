-- contract-none-or-joined: A case
-- Contract Stage is any of None, Joined
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id
  FROM segments.evaluated_partners
)
SELECT
  'contract-none-or-joined' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
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
  )
