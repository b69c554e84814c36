"""What must survive: one protocol, one file per store."""
