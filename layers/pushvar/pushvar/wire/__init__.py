"""Formats, bytes in and out: remote write, exposition text, generated protobuf. Pure."""
