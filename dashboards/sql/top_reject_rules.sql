-- Which rules refused most, and with which action.
-- Section of the report: rejects
SELECT rule, class, action, COUNT(*) AS refusals
FROM rejects
GROUP BY rule, class, action
ORDER BY refusals DESC, rule, class, action
