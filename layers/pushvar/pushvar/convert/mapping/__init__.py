"""Mapping rules: the built-in presets now; the rule language grows here."""
