-- Servers to which no connection could be made.
-- Section of the report: failures
SELECT
  COALESCE(message_host, '') AS server_host,
  COALESCE(address, '') AS server_ip,
  COALESCE(reason_class, '') AS failure_class,
  SUM(repeated) AS attempts_failed
FROM events
WHERE kind = 'smtp_connect_failed'
GROUP BY server_host, server_ip, failure_class
ORDER BY attempts_failed DESC, server_host, server_ip, failure_class
