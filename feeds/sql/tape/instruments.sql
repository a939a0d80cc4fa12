-- Rows of one session by instrument.
SELECT {instrument}, count(*) FROM tape.{tape} WHERE session = $day GROUP BY 1
