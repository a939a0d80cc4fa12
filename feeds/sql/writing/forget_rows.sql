DELETE FROM {rests} WHERE file = $old
