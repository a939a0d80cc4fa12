SELECT k.unknown, count(*)
FROM (SELECT conditions FROM tape.option_trades UNION ALL SELECT conditions FROM tape.stock_trades) t
     JOIN dim.conditions k ON k.id = t.conditions
WHERE k.unknown <> '' GROUP BY 1 ORDER BY 2 DESC, 1
