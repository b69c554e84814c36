"""The end of ``pushvar run``: what is left for the next one, and an exit that nothing holds up."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.config.schema import Config
    from pushvar.model import Delivery, Report


def kept(report: Report, config: Config, *, durable: bool = True) -> Iterator[str]:
    """A line for each backend for which samples wait: how many, until when, and what sends them.

    Without a ``durable`` state they are lost with this process, and the line says that.
    """
    limits_s = {one.name: one.queue_config.sample_age_limit.s for one in config.remote_write}
    for delivery in report.deliveries:
        said = f"{delivery.backend}: {_samples(delivery)}"
        if delivery.waiting and not durable:
            yield f"{said} were not delivered and are lost; --state sqlite:FILE keeps them"
        elif delivery.waiting:
            limit_s = limits_s.get(delivery.backend)
            until = f", if it comes within {_minutes(limit_s)} of their fetch" if limit_s else ""
            yield f"{said} kept in the spool; the next run sends them first{until}"


def _samples(delivery: Delivery) -> str:
    return f"{delivery.waiting:,} sample{'' if delivery.waiting == 1 else 's'}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"  # noqa: PLR2004 - a minute


def exit_at_once(code: int) -> None:
    """End the process now if a thread would hold up its end: a name that is looked up, of a silent server.

    Everything is stored and closed by then; such a thread has nothing more to say.
    """
    if any(one is not threading.main_thread() and not one.daemon for one in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
