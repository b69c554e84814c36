"""Backends: one file each, found by its kind."""
