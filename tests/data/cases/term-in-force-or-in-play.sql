-- term-in-force-or-in-play: A case
-- Partner Template Term is any of Standard Terms, "Terms, Special ""A"""
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id
  FROM segments.evaluated_partners
)
SELECT
  'term-in-force-or-in-play' AS workflow_id,
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
      AND evaluated_contracts.template_term_name IN ('Standard Terms', 'Terms, Special "A"')
      AND evaluated_contracts.is_in_force_or_in_play
  )
