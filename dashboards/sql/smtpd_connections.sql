-- Connections to smtpd day by day, and from how many addresses.
-- Section of the report: smtpd
SELECT date, SUM(repeated) AS connections, COUNT(DISTINCT client_address) AS addresses
FROM events
WHERE kind = 'smtpd_connect'
GROUP BY date
ORDER BY date
