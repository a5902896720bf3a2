-- The hundred biggest mails; one that a content filter handed back is there once.
-- Section of the report: message-detail
SELECT host, queue_id, COALESCE(sender, '') AS from_address, outcome, size_bytes
FROM messages
WHERE size_bytes IS NOT NULL AND NOT is_later_hop
ORDER BY size_bytes DESC, host, queue_id, from_address
LIMIT 100
