-- What Sieve scripts did with mails: stored, redirected, answered and so on.
-- Section of the report: mailboxes
SELECT
  SUBSTR(kind, 15) AS sieve_action,
  COALESCE("user", '') AS mailbox_user,
  SUM(repeated) AS actions
FROM events
WHERE kind LIKE 'dovecot_sieve_%'
GROUP BY sieve_action, mailbox_user
ORDER BY actions DESC, sieve_action, mailbox_user
