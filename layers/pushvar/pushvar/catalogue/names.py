"""Names: which are legal, which are never forwarded, which make a Pushgateway's group."""

from __future__ import annotations

import re

METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
"""Legal names as every receiver takes them (Prometheus, "Data model": the legacy character set)."""

PRIVATE_KEYS = frozenset({"cmdline", "config"})
"""Top-level keys (in lower case) that leak secrets: dropped in the decoder, never shown or stored."""

GROUPING = ("job", "instance", "customer_id")
"""The labels of a Pushgateway's grouping key, in the order of its URL. They do not stand in the body."""
