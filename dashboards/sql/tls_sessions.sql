-- TLS sessions by direction, trust, protocol and cipher.
-- Section of the report: tls
SELECT direction, trust, protocol, cipher, COUNT(*) AS sessions
FROM tls_sessions
WHERE NOT is_reused
GROUP BY direction, trust, protocol, cipher
ORDER BY sessions DESC, direction, trust, protocol, cipher
