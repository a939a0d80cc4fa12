SELECT o.date, o.underlying, o.expiry, o.strike, o."right", o.open_interest, o.volume, o.known_at
FROM main.open_interest o SEMI JOIN asked_contracts a
  ON a.date = o.date AND a.underlying = o.underlying AND a.expiry = o.expiry AND a.strike = o.strike AND a."right" = o."right"
WHERE $as_of IS NULL OR epoch_ns(o.known_at) <= $as_of
ORDER BY o.date, o.underlying, o.expiry, o.strike, o."right"
