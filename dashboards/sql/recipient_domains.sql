-- Domains that mail went to, with deferrals, bounces and the longest delay.
-- Section of the report: domains
SELECT
  recipient_domain,
  SUM(CASE WHEN status = 'sent' AND NOT is_forwarded THEN 1 ELSE 0 END) AS delivered,
  SUM(CASE WHEN status = 'deferred' THEN 1 ELSE 0 END) AS deferrals,
  SUM(CASE WHEN status = 'bounced' THEN 1 ELSE 0 END) AS bounced,
  COALESCE(MAX(CASE WHEN status = 'sent' AND NOT is_forwarded THEN delay_us END), 0) AS longest_us
FROM deliveries
GROUP BY recipient_domain
ORDER BY delivered DESC, recipient_domain
