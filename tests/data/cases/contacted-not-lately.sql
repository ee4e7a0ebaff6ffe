-- contacted-not-lately: A case
-- Relationship Stage is any of Joined
-- Contacted By is none of offer, few-clicks-14
-- Contacted By Date Range is Last 7 Days
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    relationship_stage_as_of
  FROM segments.partners_as_of
)
SELECT
  'contacted-not-lately' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND relationship_stage_as_of IN ('Joined')
  AND NOT EXISTS(
    SELECT
      1
    FROM segments.contacts_as_of
    WHERE
      contacts_as_of.program_id = partners.program_id
      AND contacts_as_of.as_of = partners.as_of
      AND contacts_as_of.partner_id = partners.partner_id
      AND contacts_as_of.workflow_id IN ('offer', 'few-clicks-14')
      AND contacts_as_of.contact_days_ago BETWEEN 1 AND 7
  )
