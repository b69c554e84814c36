"""A small, strict local remote-write receiver with a page. It shares no code with the encoder."""
