-- Domains of senders by mails received; bounces have none (the report counts those by the domain of their client).
-- Section of the report: domains
SELECT
  COALESCE(NULLIF(sender_domain, ''), 'from=<>') AS domain_name,
  COUNT(*) AS mails,
  COALESCE(SUM(size_bytes), 0) AS bytes_in_all
FROM messages
WHERE size_bytes IS NOT NULL AND origin IN ('smtp', 'local')
GROUP BY domain_name
ORDER BY mails DESC, domain_name
