-- Recipients by deliveries.
-- Section of the report: addresses
SELECT recipient, COUNT(*) AS delivered
FROM deliveries
WHERE status = 'sent' AND NOT is_forwarded
GROUP BY recipient
ORDER BY delivered DESC, recipient
