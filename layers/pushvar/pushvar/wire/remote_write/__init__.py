"""Remote write: series templates whose label bytes are encoded once and replayed."""
