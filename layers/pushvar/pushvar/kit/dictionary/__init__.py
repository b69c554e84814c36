"""The metrics dictionary: every metric that can arrive, what it means, who looks at it."""
