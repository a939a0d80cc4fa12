CREATE TEMP TABLE ids_{dim} AS SELECT s.given, d.id FROM batch s JOIN dim.{dim} d ON {same}
