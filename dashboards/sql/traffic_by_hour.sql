-- Deliveries, deferrals and bounces by the hour of the day that the logging machine's clock showed.
-- Section of the report: traffic
SELECT
  MOD(CAST(FLOOR((CAST(EXTRACT(HOUR FROM time) AS BIGINT) * 3600 + CAST(EXTRACT(MINUTE FROM time) AS BIGINT) * 60 + COALESCE(offset_s, 0)) / 3600.0) AS BIGINT) + 24, 24) AS hour_of_day,
  SUM(CASE WHEN status = 'sent' AND NOT is_forwarded THEN 1 ELSE 0 END) AS delivered,
  SUM(CASE WHEN status = 'deferred' THEN 1 ELSE 0 END) AS deferrals,
  SUM(CASE WHEN status = 'bounced' THEN 1 ELSE 0 END) AS bounced
FROM deliveries
GROUP BY hour_of_day
ORDER BY hour_of_day
