-- Behind each rule: how many clients, HELO names, senders and recipients.
-- Section of the report: reject-detail
SELECT
  rule,
  COUNT(*) AS refusals,
  COUNT(DISTINCT client_address) AS clients,
  COUNT(DISTINCT helo) AS helos,
  COUNT(DISTINCT sender) AS senders,
  COUNT(DISTINCT recipient) AS recipients
FROM rejects
GROUP BY rule
ORDER BY refusals DESC, rule
