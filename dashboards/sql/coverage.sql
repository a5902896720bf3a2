-- How lines of mail programs were understood; lines of other programs are not in the tables.
-- Section of the report: coverage
SELECT
  COALESCE(daemon, program) AS program_name,
  kind,
  coverage AS account,
  COUNT(*) AS lines
FROM events
GROUP BY program_name, kind, account
ORDER BY lines DESC, program_name, kind, account
