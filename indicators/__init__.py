"""Room 2: what is computed from the tape, and what people see of it."""
