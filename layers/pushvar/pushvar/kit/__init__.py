"""For operators: dashboards, rules, gate, audit. Empty until that work begins."""
