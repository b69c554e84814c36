"""Inputs that a fuzzer makes, and what must hold for each: bytes in, an assertion or nothing out."""
