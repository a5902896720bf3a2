-- Senders by mails taken over, each counted once.
-- Section of the report: addresses
SELECT COALESCE(sender, '') AS from_address, COUNT(*) AS mails, COALESCE(SUM(size_bytes), 0) AS bytes_in_all
FROM messages
WHERE is_accepted
GROUP BY from_address
ORDER BY mails DESC, from_address
