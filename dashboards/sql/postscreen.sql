-- What postscreen did with clients.
-- Section of the report: postscreen
SELECT
  kind,
  SUM(repeated) AS lines,
  COUNT(DISTINCT client_address) AS clients
FROM events
WHERE kind LIKE 'psc%'
  AND kind NOT IN ('psc_command_filter', 'psc_compat', 'psc_ehlo_discard', 'psc_penalty', 'psc_stress', 'psc_warning')
GROUP BY kind
ORDER BY lines DESC, kind
