"""Target sources: one file each, found by the scheme of its reference."""
