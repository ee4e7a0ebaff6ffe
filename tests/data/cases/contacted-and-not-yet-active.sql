-- contacted-and-not-yet-active: A case
-- Contacted By is any of offer
-- Contacted By Date Range between Mar 1 2026 and Mar 7 2026
-- Segment is none of reminded
-- reminded: Contacted By is any of reminder
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id
  FROM segments.partners_as_of
)
SELECT
  'contacted-and-not-yet-active' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND EXISTS(
    SELECT
      1
    FROM segments.contacts_as_of
    WHERE
      contacts_as_of.program_id = partners.program_id
      AND contacts_as_of.as_of = partners.as_of
      AND contacts_as_of.partner_id = partners.partner_id
      AND contacts_as_of.workflow_id IN ('offer')
      AND contacts_as_of.contact_date BETWEEN CAST('2026-03-01' AS DATE) AND CAST('2026-03-07' AS DATE)
  )
  AND CASE
    WHEN EXISTS(
      SELECT
        1
      FROM segments.contacts_as_of
      WHERE
        contacts_as_of.program_id = partners.program_id
        AND contacts_as_of.as_of = partners.as_of
        AND contacts_as_of.partner_id = partners.partner_id
        AND contacts_as_of.workflow_id IN ('reminder')
    )
    THEN 1
    ELSE 0
  END = 0
