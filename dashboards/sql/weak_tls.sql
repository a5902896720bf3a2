-- Sessions with TLS before 1.2 or a weak cipher, and whether the same peer had others; servers by their names, where the report has the domain of the mail.
-- Section of the report: tls
SELECT
  weak.direction AS way,
  weak.peer AS weak_peer,
  weak.why AS reason,
  weak.protocol AS tls_protocol,
  weak.cipher AS tls_cipher,
  weak.sessions AS weak_sessions,
  COALESCE(strong.sessions, 0) AS strong_sessions
FROM (
  SELECT direction, peer, why, protocol, cipher, COUNT(*) AS sessions
  FROM (
    SELECT
      direction,
      CASE WHEN direction = 'inbound' THEN COALESCE(peer_address, '') ELSE COALESCE(peer_name, '') END AS peer,
      CASE WHEN protocol IN ('SSLv2', 'SSLv3', 'TLSv1', 'TLSv1.0', 'TLSv1.1') THEN 'protocol' ELSE 'cipher' END AS why,
      protocol,
      cipher,
      '-' || REPLACE(cipher, '_', '-') || '-' AS parts
    FROM tls_sessions
    WHERE NOT is_reused
  ) AS sessions_of_peers
  WHERE why = 'protocol'
    OR parts LIKE '%-RC4-%' OR parts LIKE '%-RC2-%' OR parts LIKE '%-DES-%' OR parts LIKE '%-3DES-%' OR parts LIKE '%-NULL-%'
    OR parts LIKE '%-EXP-%' OR parts LIKE '%-MD5-%' OR parts LIKE '%-IDEA-%' OR parts LIKE '%-SEED-%'
  GROUP BY direction, peer, why, protocol, cipher
) AS weak
LEFT JOIN (
  SELECT direction, peer, COUNT(*) AS sessions
  FROM (
    SELECT
      direction,
      CASE WHEN direction = 'inbound' THEN COALESCE(peer_address, '') ELSE COALESCE(peer_name, '') END AS peer,
      '-' || REPLACE(cipher, '_', '-') || '-' AS parts
    FROM tls_sessions
    WHERE NOT is_reused AND protocol NOT IN ('SSLv2', 'SSLv3', 'TLSv1', 'TLSv1.0', 'TLSv1.1')
  ) AS sessions_of_peers
  WHERE NOT (
    parts LIKE '%-RC4-%' OR parts LIKE '%-RC2-%' OR parts LIKE '%-DES-%' OR parts LIKE '%-3DES-%' OR parts LIKE '%-NULL-%'
    OR parts LIKE '%-EXP-%' OR parts LIKE '%-MD5-%' OR parts LIKE '%-IDEA-%' OR parts LIKE '%-SEED-%'
  )
  GROUP BY direction, peer
) AS strong ON weak.direction = strong.direction AND weak.peer = strong.peer
ORDER BY weak_sessions DESC, way, weak_peer, tls_protocol, tls_cipher
