-- How long deliveries took: the median, the slowest of ten and of a hundred, and the slowest.
-- Section of the report: delays
SELECT
  daemon,
  MAX(deliveries_in_all) AS deliveries,
  MIN(CASE WHEN place * 100 >= deliveries_in_all * 50 THEN delay_us END) AS p50_us,
  MIN(CASE WHEN place * 100 >= deliveries_in_all * 90 THEN delay_us END) AS p90_us,
  MIN(CASE WHEN place * 100 >= deliveries_in_all * 99 THEN delay_us END) AS p99_us,
  MAX(delay_us) AS max_us
FROM (
  SELECT
    daemon,
    delay_us,
    ROW_NUMBER() OVER (PARTITION BY daemon ORDER BY delay_us) AS place,
    COUNT(*) OVER (PARTITION BY daemon) AS deliveries_in_all
  FROM deliveries
  WHERE status = 'sent' AND delay_us IS NOT NULL AND daemon IS NOT NULL
) AS ranked
GROUP BY daemon
ORDER BY daemon
