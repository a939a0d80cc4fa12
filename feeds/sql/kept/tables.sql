SELECT table_name FROM information_schema.tables WHERE table_schema = 'derived' AND starts_with(table_name, $prefix)
