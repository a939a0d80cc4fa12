"""A-share indicators: one file, one indicator."""
