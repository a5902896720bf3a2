-- Mails taken over from clients by IPv4 and IPv6, each counted once, and how many of them with a TLS line.
-- Section of the report: families
SELECT
  family,
  COUNT(*) AS mails,
  COUNT(tls_protocol) AS with_tls
FROM messages
WHERE is_accepted AND origin = 'smtp'
GROUP BY family
ORDER BY family
