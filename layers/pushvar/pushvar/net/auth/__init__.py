"""Auth schemes: one file each, found by its name in the configuration."""
