-- What filters decided: SPF, DMARC and amavis.
-- Section of the report: verdicts
SELECT
  program,
  COALESCE(result, '') AS verdict,
  COALESCE(category, '') AS detail,
  SUM(repeated) AS decisions
FROM events
WHERE kind IN ('policyd_spf_result', 'opendmarc_result', 'amavis_result')
GROUP BY program, verdict, detail
ORDER BY decisions DESC, program, verdict, detail
