-- Deliveries by IPv4 and IPv6.
-- Section of the report: families
SELECT family, status, COUNT(*) AS attempts
FROM deliveries
GROUP BY family, status
ORDER BY family, status
