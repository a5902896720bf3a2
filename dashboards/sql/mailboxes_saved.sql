-- Mails that Dovecot put into mailboxes.
-- Section of the report: mailboxes
SELECT
  COALESCE("user", '') AS mailbox_user,
  COALESCE(mailbox, '') AS folder,
  SUM(repeated) AS mails
FROM events
WHERE kind IN ('dovecot_delivery_saved', 'dovecot_sieve_stored')
GROUP BY mailbox_user, folder
ORDER BY mails DESC, mailbox_user, folder
