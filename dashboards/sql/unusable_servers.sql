-- Servers to which no connection could be made.
-- Section of the report: failures
SELECT
  COALESCE(message_host, '') AS server,
  COALESCE(address, '') AS server_address,
  COALESCE(reason_class, '') AS failure,
  SUM(repeated) AS attempts
FROM events
WHERE kind = 'smtp_connect_failed'
GROUP BY server, server_address, failure
ORDER BY attempts DESC, server, server_address, failure
