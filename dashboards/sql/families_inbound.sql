-- Mails taken over by IPv4 and IPv6, and how much of it encrypted.
-- Section of the report: families
SELECT
  family,
  COUNT(*) AS mails,
  COUNT(tls_protocol) AS with_tls
FROM messages
WHERE is_accepted
GROUP BY family
ORDER BY family
