-- Logins, successful and failed, by service, user and address.
-- Section of the report: logins
SELECT
  service,
  result,
  COALESCE("user", '') AS login,
  COALESCE(method, '') AS mechanism,
  COALESCE(client_address, '') AS address,
  SUM(attempts) AS logins
FROM logins
WHERE result IN ('success', 'failure')
GROUP BY service, result, login, mechanism, address
ORDER BY logins DESC, service, result, login, mechanism, address
