"""The one door to the network: HTTP clients, TLS, address policy, auth schemes, secrets."""
