"""Payload families: what a program publishes, and what an expert of it would have exposed instead."""
