-- Domains of senders by mails received; a mail whose sender has none counts for its client's.
-- Section of the report: domains
SELECT
  sending_domain,
  COUNT(*) AS mails,
  COALESCE(SUM(size_bytes), 0) AS bytes_in_all
FROM messages
WHERE sending_domain IS NOT NULL
GROUP BY sending_domain
ORDER BY mails DESC, sending_domain
