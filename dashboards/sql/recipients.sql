-- Recipients by deliveries.
-- Section of the report: addresses
SELECT
  CASE
    WHEN POSITION('@' IN recipient) = 0 THEN recipient
    ELSE SUBSTR(recipient, 1, POSITION('@' IN recipient)) || LOWER(SUBSTR(recipient, POSITION('@' IN recipient) + 1))
  END AS to_address,
  COUNT(*) AS delivered
FROM deliveries
WHERE status = 'sent' AND NOT is_forwarded
GROUP BY to_address
ORDER BY delivered DESC, to_address
