"""Real files, real sockets."""
