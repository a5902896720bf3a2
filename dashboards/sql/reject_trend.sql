-- What each rule refused day by day.
-- Section of the report: reject-trend
SELECT rule, date, COUNT(*) AS refusals
FROM rejects
GROUP BY rule, date
ORDER BY rule, date
