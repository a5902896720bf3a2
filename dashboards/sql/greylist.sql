-- Who was told to come back later.
-- Section of the report: greylist
SELECT
  COALESCE(client_address, '') AS address,
  COUNT(*) AS refusals,
  COUNT(DISTINCT sender) AS senders,
  COUNT(DISTINCT recipient) AS recipients
FROM rejects
WHERE class = 'greylist'
GROUP BY address
ORDER BY refusals DESC, address
