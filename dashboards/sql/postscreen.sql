-- What postscreen did with clients.
-- Section of the report: postscreen
SELECT
  kind,
  SUM(repeated) AS lines,
  COUNT(DISTINCT client_address) AS clients
FROM events
WHERE kind LIKE 'psc%'
GROUP BY kind
ORDER BY lines DESC, kind
