"""What the activation viewer shows, as plain data: no widget in here."""
