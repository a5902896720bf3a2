-- What filters decided: signatures, SPF, DMARC, greylisting, spam and viruses.
-- Section of the report: verdicts
SELECT
  COALESCE(daemon, program) AS program_name,
  COALESCE(
    CASE
      WHEN kind = 'opendkim_signed' THEN 'signed'
      WHEN kind = 'opendkim_verified' THEN 'verified'
      WHEN kind = 'opendkim_ssl' THEN 'bad signature'
      WHEN kind = 'opendkim_no_sign' THEN 'not signed'
      WHEN kind = 'opendkim_bad' THEN what
      WHEN kind = 'spamd_result' AND verdict = 'Y' THEN 'spam'
      WHEN kind = 'spamd_result' THEN 'clean'
      WHEN kind = 'clamav_milter_result' AND virus IS NULL THEN 'clean'
      WHEN kind IN ('clamav_milter_result', 'clamd_found') THEN 'infected'
      WHEN kind = 'saslauthd_failure' THEN 'login failed'
      WHEN kind = 'saslauthd_success' THEN 'logged in'
      WHEN kind IN ('rspamd_result', 'postgrey_action', 'policyd_weight_action') THEN action
      ELSE COALESCE(result, action)
    END,
    ''
  ) AS decision,
  COALESCE(
    CASE
      WHEN kind = 'amavis_result' THEN category
      WHEN kind = 'opendkim_ssl' THEN 'SSL error'
      WHEN kind IN ('opendkim_no_sign', 'postgrey_action') THEN reason
      WHEN kind IN ('clamav_milter_result', 'clamd_found') THEN virus
    END,
    ''
  ) AS closer,
  SUM(repeated) AS decisions
FROM events
WHERE kind IN (
  'amavis_result', 'clamav_milter_result', 'clamd_found', 'opendkim_bad', 'opendkim_no_sign', 'opendkim_signed', 'opendkim_ssl',
  'opendkim_verified', 'opendmarc_result', 'policy_spf_action', 'policyd_spf_result', 'policyd_weight_action', 'postgrey_action',
  'rspamd_result', 'saslauthd_failure', 'saslauthd_success', 'spamd_result'
) AND (kind <> 'rspamd_result' OR action IS NOT NULL)
GROUP BY program_name, decision, closer
ORDER BY decisions DESC, program_name, decision, closer
