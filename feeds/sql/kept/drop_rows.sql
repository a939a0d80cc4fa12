DROP TABLE derived."{table}"
