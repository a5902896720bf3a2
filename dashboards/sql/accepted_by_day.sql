-- Mails taken over each day, each counted once, by how they came in.
-- Section of the report: traffic
SELECT date, origin, COUNT(*) AS mails, COUNT(DISTINCT sender) AS senders
FROM messages
WHERE is_accepted
GROUP BY date, origin
ORDER BY date, origin
