-- partner-ids: A case
-- Partner ID is any of 0042917, 31e4
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id
  FROM segments.partners_as_of
)
SELECT
  'partner-ids' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000' AND partner_id IN ('0042917', '31e4')
