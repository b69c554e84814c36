"""A line in a function's log; and which are written of those that only say that all went well."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any

from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools import Logger

LOG_SAMPLE = "PUSHVAR_LOG_SAMPLE"

_WHOLE = 1 << 64


def log_share(environment: Mapping[str, str]) -> float:
    """The share of quiet lines that is written, from 0 to 1. Raises ConfigError."""
    text = environment.get(LOG_SAMPLE) or "1"
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:  # nor is NaN
        raise ConfigError(LOG_SAMPLE, f"{text!r:.20} is no share", hint="write a number from 0 to 1")
    return share


def is_kept(environment: Mapping[str, str], name: object) -> bool:
    """Whether what has this name is in the share. Raises ConfigError.

    All functions choose alike: of a cycle there is the plan's line and every shard's, or none.
    """
    digest = hashlib.blake2b(str(name).encode(), digest_size=8).digest()
    return int.from_bytes(digest) < log_share(environment) * _WHOLE


def write_line(
    logger: Logger, level: int, title: str, fields: Mapping[str, Any], fault: BaseException | None = None
) -> None:
    """Write a line of a level of ``logging`` with these fields, an ERROR with a fault's traceback."""
    writers = {logging.DEBUG: logger.debug, logging.INFO: logger.info, logging.WARNING: logger.warning}
    if level in writers:
        writers[level](title, extra=fields)
    else:
        logger.error(title, extra=fields, exc_info=fault)
