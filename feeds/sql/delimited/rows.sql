SELECT * FROM read_csv($path, all_varchar = true, auto_detect = false, header = $header, delim = $delimiter,
                       quote = '"', escape = '"', columns = $columns, store_rejects = true, rejects_limit = 0,
                       compression = $compression, max_line_size = 16000000, buffer_size = 32000000, null_padding = false)
