-- Clients that were refused most.
-- Section of the report: rejects
SELECT
  COALESCE(client_address, '') AS address,
  stage,
  action,
  COUNT(*) AS refusals
FROM rejects
GROUP BY address, stage, action
ORDER BY refusals DESC, address, stage, action
