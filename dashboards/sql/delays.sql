-- How long deliveries took, stage by stage, exactly; the report's percentiles are within 2 % of these.
-- Section of the report: delays
SELECT
  direction,
  stage,
  COUNT(*) AS deliveries,
  MIN(CASE WHEN place * 100 >= deliveries_in_all * 50 THEN us END) AS p50_us,
  MIN(CASE WHEN place * 100 >= deliveries_in_all * 90 THEN us END) AS p90_us,
  MIN(CASE WHEN place * 100 >= deliveries_in_all * 95 THEN us END) AS p95_us,
  MIN(CASE WHEN place * 100 >= deliveries_in_all * 99 THEN us END) AS p99_us,
  MAX(us) AS max_us
FROM (
  SELECT
    direction,
    stage,
    us,
    ROW_NUMBER() OVER (PARTITION BY direction, stage ORDER BY us) AS place,
    COUNT(*) OVER (PARTITION BY direction, stage) AS deliveries_in_all
  FROM (
    SELECT CASE WHEN family IN ('ipv4', 'ipv6') THEN 'outbound' ELSE 'local' END AS direction, 'before_qmgr' AS stage, before_qmgr_us AS us
    FROM deliveries
    WHERE status = 'sent' AND NOT is_forwarded AND before_qmgr_us IS NOT NULL
    UNION ALL
    SELECT CASE WHEN family IN ('ipv4', 'ipv6') THEN 'outbound' ELSE 'local' END AS direction, 'in_qmgr' AS stage, in_qmgr_us AS us
    FROM deliveries
    WHERE status = 'sent' AND NOT is_forwarded AND in_qmgr_us IS NOT NULL
    UNION ALL
    SELECT CASE WHEN family IN ('ipv4', 'ipv6') THEN 'outbound' ELSE 'local' END AS direction, 'connection' AS stage, connect_us AS us
    FROM deliveries
    WHERE status = 'sent' AND NOT is_forwarded AND connect_us IS NOT NULL
    UNION ALL
    SELECT CASE WHEN family IN ('ipv4', 'ipv6') THEN 'outbound' ELSE 'local' END AS direction, 'transmission' AS stage, transmit_us AS us
    FROM deliveries
    WHERE status = 'sent' AND NOT is_forwarded AND transmit_us IS NOT NULL
    UNION ALL
    SELECT CASE WHEN family IN ('ipv4', 'ipv6') THEN 'outbound' ELSE 'local' END AS direction, 'total' AS stage, delay_us AS us
    FROM deliveries
    WHERE status = 'sent' AND NOT is_forwarded AND delay_us IS NOT NULL
  ) AS stages
) AS ranked
GROUP BY direction, stage
ORDER BY direction, stage
