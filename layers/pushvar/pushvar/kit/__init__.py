"""For operators: gate, audit, triage, rules, routing, dashboards, dictionary, snippets, cost."""
