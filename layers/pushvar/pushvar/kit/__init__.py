"""For operators: rules now; dashboards, gate and audit follow. Everything here is text made of tables."""
