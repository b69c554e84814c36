"""Where numbers come from: the registry of targets, shards, and the fetch."""
