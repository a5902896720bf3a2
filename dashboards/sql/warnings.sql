-- Panics, fatal errors, errors and warnings, by what they are about.
-- Section of the report: warnings
SELECT
  problem,
  COALESCE(daemon, program) AS program_name,
  kind,
  SUM(repeated) AS lines
FROM events
WHERE problem IN ('panic', 'fatal', 'error', 'warning')
GROUP BY problem, program_name, kind
ORDER BY lines DESC, problem, program_name, kind
