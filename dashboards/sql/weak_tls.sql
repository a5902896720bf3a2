-- Who would be cut off if TLS before 1.2 were switched off.
-- Section of the report: tls
SELECT
  direction,
  protocol,
  COALESCE(peer_name, '') AS peer,
  COALESCE(peer_address, '') AS peer_ip,
  COUNT(*) AS sessions
FROM tls_sessions
WHERE protocol IN ('SSLv2', 'SSLv3', 'TLSv1', 'TLSv1.1')
GROUP BY direction, protocol, peer, peer_ip
ORDER BY sessions DESC, direction, protocol, peer, peer_ip
