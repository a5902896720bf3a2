-- Addresses by refusals and failed logins; `mailtally top` weighs more than these two.
-- Section of the report: spam-sources
SELECT address, SUM(refused + failed) AS evidence, SUM(refused) AS refusals, SUM(failed) AS failed_logins
FROM (
  SELECT client_address AS address, 1 AS refused, 0 AS failed
  FROM rejects
  WHERE client_address IS NOT NULL
  UNION ALL
  SELECT client_address AS address, 0 AS refused, attempts AS failed
  FROM logins
  WHERE result = 'failure' AND client_address IS NOT NULL
) AS lines
GROUP BY address
ORDER BY evidence DESC, address
