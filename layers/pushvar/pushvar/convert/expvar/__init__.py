"""Reading expvar documents: a strict parse, and the repair of what Go prints that is no JSON."""
