-- What filters decided: SPF, DMARC and amavis.
-- Section of the report: verdicts
SELECT
  program,
  COALESCE(result, '') AS decision,
  COALESCE(category, '') AS closer,
  SUM(repeated) AS decisions
FROM events
WHERE kind IN ('policyd_spf_result', 'opendmarc_result', 'amavis_result')
GROUP BY program, decision, closer
ORDER BY decisions DESC, program, decision, closer
