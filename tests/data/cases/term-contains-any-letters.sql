-- term-contains-any-letters: A case
-- Partner Template Term contains "ΟΡΟΣ Ä"
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id
  FROM segments.evaluated_partners
)
SELECT
  'term-contains-any-letters' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND EXISTS(
    SELECT
      1
    FROM segments.evaluated_contracts
    WHERE
      evaluated_contracts.program_id = partners.program_id
      AND evaluated_contracts.as_of = partners.as_of
      AND evaluated_contracts.partner_id = partners.partner_id
      AND evaluated_contracts.is_current
      AND STRPOS(LOWER(evaluated_contracts.template_term_name), LOWER('ΟΡΟΣ Ä')) > 0
      AND evaluated_contracts.is_in_force_or_in_play
  )
