-- The hundred mails that were under way longest.
-- Section of the report: message-detail
SELECT host, queue_id, COALESCE(sender, '') AS from_address, outcome, attempts, queue_us
FROM messages
ORDER BY queue_us DESC, host, queue_id, from_address
LIMIT 100
