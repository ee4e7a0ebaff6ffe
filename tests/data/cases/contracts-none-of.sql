-- contracts-none-of: A case
-- Partner Template Term is none of Gold
-- Contract Stage is none of Publisher Declined
-- Contract ID is none of S-9
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id
  FROM segments.partners_as_of
)
SELECT
  'contracts-none-of' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND NOT EXISTS(
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
  AND NOT EXISTS(
    SELECT
      1
    FROM segments.contracts_as_of
    WHERE
      contracts_as_of.program_id = partners.program_id
      AND contracts_as_of.as_of = partners.as_of
      AND contracts_as_of.partner_id = partners.partner_id
      AND contracts_as_of.is_current
      AND contracts_as_of.contract_stage IN ('Publisher Declined')
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
      AND contracts_as_of.contract_id IN ('S-9')
  )
