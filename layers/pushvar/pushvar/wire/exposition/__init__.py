"""Exposition formats for people and scrapers: Prometheus text and OpenMetrics."""
