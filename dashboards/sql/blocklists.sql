-- Which blocklists knew clients, and how many addresses each.
-- Section of the report: postscreen
SELECT
  COALESCE(domain, '') AS list,
  SUM(repeated) AS hits,
  COUNT(DISTINCT address) AS addresses
FROM events
WHERE kind = 'dnsblog_listed'
GROUP BY list
ORDER BY hits DESC, list
