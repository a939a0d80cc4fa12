SELECT c.date, c.symbol, arg_min(c.close, c.rank) AS close
FROM (SELECT date, symbol, close, 0 AS rank FROM main.daily_bars
      UNION ALL SELECT date, "index", close, 1 FROM main.index_levels) c
     SEMI JOIN asked_symbols a ON a.date = c.date AND a.symbol = c.symbol
GROUP BY ALL ORDER BY c.date, c.symbol
