-- Panics, fatal errors, errors and warnings, and what masters say, by what they are about.
-- Section of the report: warnings
SELECT
  warning_severity,
  COALESCE(daemon, 'postfix') AS program_name,
  warning_about,
  SUM(repeated) AS lines
FROM events
WHERE warning_severity IS NOT NULL
GROUP BY warning_severity, program_name, warning_about
ORDER BY lines DESC, warning_severity, program_name, warning_about
