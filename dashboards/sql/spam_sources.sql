-- Addresses by what speaks against them, less three for each accepted mail; own ones, between which these logs show mail going, are left out.
-- Section of the report: spam-sources
SELECT
  evidence.address AS source,
  SUM(rejects) + 3 * SUM(dnsbl) + 2 * SUM(auth) + SUM(unknown_user) + 2 * SUM(protocol) - 3 * SUM(accepted) AS score,
  SUM(rejects) AS refusals,
  SUM(dnsbl) AS dnsbl_hits,
  SUM(auth) AS failed_logins,
  SUM(unknown_user) AS unknown_recipients,
  SUM(protocol) AS protocol_errors,
  SUM(accepted) AS mails_accepted
FROM (
  SELECT
    client_address AS address,
    1 AS rejects,
    CASE WHEN class = 'dnsbl' THEN 1 ELSE 0 END AS dnsbl,
    0 AS auth,
    CASE WHEN class = 'unknown-recipient' THEN 1 ELSE 0 END AS unknown_user,
    0 AS protocol,
    0 AS accepted
  FROM rejects
  WHERE action = 'reject' AND client_address IS NOT NULL
  UNION ALL
  SELECT
    client_address AS address,
    0 AS rejects,
    CASE WHEN kind = 'psc_dnsbl_rank' THEN repeated ELSE 0 END AS dnsbl,
    0 AS auth,
    0 AS unknown_user,
    CASE WHEN kind = 'psc_dnsbl_rank' THEN 0 ELSE repeated END AS protocol,
    0 AS accepted
  FROM events
  WHERE client_address IS NOT NULL AND kind IN (
    'non_smtp_command', 'psc_bare_newline', 'psc_dnsbl_rank', 'psc_non_smtp', 'psc_pipelining', 'psc_pregreet', 'smtpd_pipelining',
    'smtpd_too_many_errors'
  )
  UNION ALL
  SELECT client_address AS address, 0 AS rejects, 0 AS dnsbl, attempts AS auth, 0 AS unknown_user, 0 AS protocol, 0 AS accepted
  FROM logins
  WHERE result = 'failure' AND client_address IS NOT NULL
  UNION ALL
  SELECT client_address AS address, 0 AS rejects, 0 AS dnsbl, 0 AS auth, 0 AS unknown_user, 0 AS protocol, 1 AS accepted
  FROM messages
  WHERE is_accepted AND client_address IS NOT NULL
) AS evidence
LEFT JOIN (
  SELECT address, COUNT(*) AS hops
  FROM (
    SELECT deliveries.relay_address AS address
    FROM deliveries
    JOIN messages ON deliveries.queued_as = messages.queue_id
    WHERE deliveries.status = 'sent' AND messages.client_address IS NOT NULL AND deliveries.relay_address NOT LIKE '127.%'
      AND deliveries.relay_address <> '::1' AND COALESCE(messages.peer_address, messages.client_address) NOT LIKE '127.%'
      AND COALESCE(messages.peer_address, messages.client_address) <> '::1'
    UNION ALL
    SELECT COALESCE(messages.peer_address, messages.client_address) AS address
    FROM deliveries
    JOIN messages ON deliveries.queued_as = messages.queue_id
    WHERE deliveries.status = 'sent' AND messages.client_address IS NOT NULL AND deliveries.relay_address IS NOT NULL
      AND (messages.peer_address IS NOT NULL OR (deliveries.relay_address NOT LIKE '127.%' AND deliveries.relay_address <> '::1'))
  ) AS ends_of_hops
  GROUP BY address
) AS own ON evidence.address = own.address
WHERE COALESCE(own.hops, 0) = 0 AND evidence.address NOT LIKE '127.%' AND evidence.address <> '::1'
GROUP BY evidence.address
HAVING SUM(rejects) + 3 * SUM(dnsbl) + 2 * SUM(auth) + SUM(unknown_user) + 2 * SUM(protocol) - 3 * SUM(accepted) > 0
ORDER BY score DESC, source
