-- Which rules refused most, and with which action.
-- Section of the report: rejects
SELECT
  rule,
  CASE WHEN class_detail IS NULL THEN class ELSE class || ':' || class_detail END AS rule_class,
  action,
  COUNT(*) AS refusals
FROM rejects
GROUP BY rule, rule_class, action
ORDER BY refusals DESC, rule, rule_class, action
