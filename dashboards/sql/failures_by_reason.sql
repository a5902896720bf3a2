-- Why mail was deferred or bounced: one word for the many wordings of servers.
-- Section of the report: failures
SELECT
  status,
  COALESCE(reason_class, '') AS reason,
  COALESCE(dsn, '') AS enhanced_code,
  COUNT(*) AS attempts
FROM deliveries
WHERE status IN ('deferred', 'bounced')
GROUP BY status, reason, enhanced_code
ORDER BY attempts DESC, status, reason, enhanced_code
