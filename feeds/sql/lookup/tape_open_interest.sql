SELECT t.session, c.underlying, c.expiry, c.strike, c."right", arg_min(t.open_interest, t.ts) AS open_interest, min(t.ts) AS known_at
FROM tape.option_trades t JOIN dim.contracts c ON c.id = t.contract
     SEMI JOIN asked_contracts a
       ON a.session = t.session AND a.underlying = c.underlying AND a.expiry = c.expiry AND a.strike = c.strike AND a."right" = c."right"
WHERE t.open_interest >= 0 AND ($as_of IS NULL OR epoch_ns(t.ts) <= $as_of)
GROUP BY ALL ORDER BY t.session, c.underlying, c.expiry, c.strike, c."right"
