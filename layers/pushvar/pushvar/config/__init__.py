"""The schema of a configuration and its validation. Pure: text in, a checked object or a ConfigError out."""
