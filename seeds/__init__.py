"""Small reference tables and published figures, each with source, date and licence."""
