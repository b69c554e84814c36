"""Home: the only composition root, and the only reader of the environment."""
