SELECT session, {columns} FROM tape.{tape} WHERE session BETWEEN $first AND $last {more}
