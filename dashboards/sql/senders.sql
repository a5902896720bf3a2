-- Senders by mails received, as the report counts them: what a content filter handed back counts again.
-- Section of the report: addresses
SELECT
  CASE
    WHEN sender IS NULL OR sender = '' THEN 'from=<>'
    WHEN POSITION('@' IN sender) = 0 THEN sender
    ELSE SUBSTR(sender, 1, POSITION('@' IN sender)) || LOWER(SUBSTR(sender, POSITION('@' IN sender) + 1))
  END AS from_address,
  COUNT(*) AS mails,
  COALESCE(SUM(size_bytes), 0) AS bytes_in_all
FROM messages
WHERE size_bytes IS NOT NULL AND origin IN ('smtp', 'local')
GROUP BY from_address
ORDER BY mails DESC, from_address
