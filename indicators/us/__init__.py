"""US indicators: one file, one indicator."""
