SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'tape' AND table_name = $tape
