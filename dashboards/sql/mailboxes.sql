-- IMAP and POP3 sessions by user, with bytes in and out; POP3 logs its bytes with the commands that fetched them (`retr=2/4711`).
-- Section of the report: mailboxes
SELECT
  protocol,
  COALESCE("user", '') AS mailbox_user,
  SUM(repeated) AS sessions,
  COALESCE(SUM(in_bytes), 0) AS bytes_in,
  SUM(
    COALESCE(
      out_bytes,
      CAST(SUBSTR(COALESCE("top", '0/0'), POSITION('/' IN COALESCE("top", '0/0')) + 1) AS BIGINT)
      + CAST(SUBSTR(COALESCE(retr, '0/0'), POSITION('/' IN COALESCE(retr, '0/0')) + 1) AS BIGINT)
    )
  ) AS bytes_out
FROM events
WHERE kind = 'dovecot_session_end' AND protocol IS NOT NULL
GROUP BY protocol, mailbox_user
ORDER BY sessions DESC, protocol, mailbox_user
