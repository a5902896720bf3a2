-- How much mail there was: each figure of the grand totals that one table can count.
-- Section of the report: totals
SELECT figure, value
FROM (
  SELECT 'accepted' AS figure, COUNT(*) AS value FROM messages WHERE is_accepted
  UNION ALL
  SELECT 'bounced' AS figure, COUNT(*) AS value FROM deliveries WHERE status = 'bounced'
  UNION ALL
  SELECT 'deferrals' AS figure, COUNT(*) AS value FROM deliveries WHERE status = 'deferred'
  UNION ALL
  SELECT 'delivered' AS figure, COUNT(*) AS value FROM deliveries WHERE status = 'sent' AND NOT is_forwarded
  UNION ALL
  SELECT 'discarded' AS figure, COUNT(*) AS value FROM rejects WHERE verdict = 'discarded'
  UNION ALL
  SELECT 'expired' AS figure, COUNT(*) AS value FROM events WHERE kind = 'qmgr_expired'
  UNION ALL
  SELECT 'forwarded' AS figure, COUNT(*) AS value FROM deliveries WHERE is_forwarded
  UNION ALL
  SELECT 'held' AS figure, COUNT(*) AS value FROM rejects WHERE verdict = 'held'
  UNION ALL
  SELECT 'reinjected' AS figure, COUNT(*) AS value FROM messages WHERE is_reinjected
  UNION ALL
  SELECT 'reject_warnings' AS figure, COUNT(*) AS value FROM rejects WHERE verdict = 'reject_warnings'
  UNION ALL
  SELECT 'rejected' AS figure, COUNT(*) AS value FROM rejects WHERE verdict = 'rejected'
) AS figures
ORDER BY figure
