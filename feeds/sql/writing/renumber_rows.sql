UPDATE {rests} SET file = $new WHERE file = $old
