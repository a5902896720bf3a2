-- Which domains mail could not be delivered to, and why.
-- Section of the report: failures
SELECT
  status,
  recipient_domain,
  COALESCE(reason_class, '') AS reason,
  COUNT(*) AS attempts
FROM deliveries
WHERE status IN ('deferred', 'bounced')
GROUP BY status, recipient_domain, reason
ORDER BY attempts DESC, status, recipient_domain, reason
