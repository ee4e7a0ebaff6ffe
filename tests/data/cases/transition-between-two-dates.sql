-- transition-between-two-dates: A case
-- Relationship Stage is any of Negotiating
-- Last Transition Date between Mar 1 2026 and Mar 15 2026
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    last_transition_date_as_of,
    relationship_stage_as_of
  FROM segments.partners_as_of
)
SELECT
  'transition-between-two-dates' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND relationship_stage_as_of IN ('Negotiating')
  AND last_transition_date_as_of BETWEEN CAST('2026-03-01' AS DATE) AND CAST('2026-03-15' AS DATE)
