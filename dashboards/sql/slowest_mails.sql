-- The hundred mails that took longest to a recipient.
-- Section of the report: message-detail
SELECT
  messages.host AS mail_host,
  messages.queue_id AS mail_id,
  COALESCE(MIN(messages.sender), '') AS from_address,
  MIN(messages.attempts) AS tries,
  MAX(deliveries.delay_us) AS slowest_us
FROM messages
JOIN deliveries ON messages.host = deliveries.host AND messages.queue_id = deliveries.queue_id
WHERE deliveries.status = 'sent'
  AND NOT deliveries.is_forwarded
  AND deliveries.time >= messages.time
  AND deliveries.time <= messages.ended
GROUP BY messages.host, messages.queue_id, messages.time
ORDER BY slowest_us DESC, mail_host, mail_id, from_address
LIMIT 100
