"""How samples arrive: batches, order and retry, and the sinks that speak to backends."""
