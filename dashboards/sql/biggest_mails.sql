-- The hundred biggest mails.
-- Section of the report: message-detail
SELECT host, queue_id, COALESCE(sender, '') AS from_address, outcome, size_bytes
FROM messages
WHERE size_bytes IS NOT NULL
ORDER BY size_bytes DESC, host, queue_id, from_address
LIMIT 100
