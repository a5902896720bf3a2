-- IMAP and POP3 sessions by user, with bytes in and out.
-- Section of the report: mailboxes
SELECT
  protocol,
  "user" AS mailbox_user,
  SUM(repeated) AS sessions,
  COALESCE(SUM(in_bytes), 0) AS bytes_in,
  COALESCE(SUM(out_bytes), 0) AS bytes_out
FROM events
WHERE kind = 'dovecot_session_end' AND protocol IS NOT NULL AND "user" IS NOT NULL
GROUP BY protocol, mailbox_user
ORDER BY sessions DESC, protocol, mailbox_user
