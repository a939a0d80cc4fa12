-- Instruments of the bench tapes: $contracts option contracts, forty to an underlying, and $symbols stocks.
INSERT INTO dim.contracts
    SELECT i, 'U' || lpad((i // 40)::VARCHAR, 4, '0'), DATE '2026-01-16' + (7 * (i % 10))::INTEGER,
           (50 + 5 * (i % 40))::DECIMAL(18,6), CASE WHEN i % 2 = 0 THEN 'C' ELSE 'P' END
    FROM range($contracts) r(i);
INSERT INTO dim.symbols SELECT i, 'S' || lpad(i::VARCHAR, 4, '0') FROM range($symbols) r(i);
INSERT INTO dim.venues SELECT i, ['XCBO', 'XISX', 'XPHL', 'ARCO', 'XBOX', 'MIAX', 'EDGO', 'XNDQ'][i + 1] FROM range(8) r(i);
INSERT INTO dim.conditions VALUES (0, '', '');
