-- partner-names: A case
-- Partner Name is any of Trail & Tarn, O'Hara, "The ""Old"" Shop", '); DROP TABLE partners;--, {{ ref('x') }}
WITH partners AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    name
  FROM segments.partners_as_of
)
SELECT
  'partner-names' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND name IN (
    'Trail & Tarn',
    'O''Hara',
    'The "Old" Shop',
    '''); DROP TABLE partners;--',
    '{{ ref(''x'') }}'
  )
