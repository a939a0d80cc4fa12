"""What people see: the report, the pictures."""
