-- Addresses whose logins failed: how often, and for how many users.
-- Section of the report: login-sources
SELECT
  COALESCE(client_address, '') AS address,
  SUM(attempts) AS failures,
  COUNT(DISTINCT "user") AS users
FROM logins
WHERE result = 'failure'
GROUP BY address
ORDER BY failures DESC, address
