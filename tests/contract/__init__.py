"""Every source, backend and store keeps its protocol."""
