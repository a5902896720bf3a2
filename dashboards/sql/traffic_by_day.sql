-- Deliveries, deferrals and bounces of each day.
-- Section of the report: traffic
SELECT
  date,
  SUM(CASE WHEN status = 'sent' AND NOT is_forwarded THEN 1 ELSE 0 END) AS delivered,
  SUM(CASE WHEN status = 'deferred' THEN 1 ELSE 0 END) AS deferrals,
  SUM(CASE WHEN status = 'bounced' THEN 1 ELSE 0 END) AS bounced
FROM deliveries
GROUP BY date
ORDER BY date
