-- Domains that mail came from: mails taken over, each counted once, and bytes.
-- Section of the report: domains
SELECT
  COALESCE(sender_domain, '') AS domain_name,
  COUNT(*) AS mails,
  COALESCE(SUM(size_bytes), 0) AS bytes_in_all
FROM messages
WHERE is_accepted
GROUP BY domain_name
ORDER BY mails DESC, domain_name
