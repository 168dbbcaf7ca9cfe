"""What may leave the box: rules, decisions and their record."""
