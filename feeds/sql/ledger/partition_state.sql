-- Of later sessions it counts only whether a table has any: what is stored nowhere is named as missing.
SELECT sha256(coalesce(string_agg(DISTINCT part, ' ' ORDER BY part), ''))
FROM (SELECT concat_ws(' ', "table", CASE WHEN session <= $last THEN concat_ws(' ', session, file, rows) END) AS part
      FROM ledger.partitions WHERE "table" IN (SELECT unnest($tables)))
