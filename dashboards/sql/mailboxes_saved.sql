-- Mails that Dovecot put into mailboxes by itself; those that a Sieve script did are in `sieve`.
-- Section of the report: mailboxes
SELECT
  COALESCE("user", '') AS mailbox_user,
  COALESCE(mailbox, '') AS folder,
  SUM(repeated) AS mails
FROM events
WHERE kind = 'dovecot_delivery_saved'
GROUP BY mailbox_user, folder
ORDER BY mails DESC, mailbox_user, folder
