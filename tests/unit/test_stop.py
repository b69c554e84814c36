"""Waiting that somebody may cut short."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing

import pytest
from pushvar.app.stop import Stop
from pushvar.deliver.patience import Patience


def test_a_look_ends_the_rest_and_no_backoff() -> None:
    """SIGHUP wakes who waits for the next cycle; a delivery that waits to try again goes on waiting."""
    with closing(Stop()) as stop:
        stop.listen()
        os.kill(os.getpid(), signal.SIGHUP)
        began_s = time.monotonic()
        stop.rest(30.0)
        assert time.monotonic() - began_s < 15.0
        patience = Patience(0.1, 5.0, 30.0, time.monotonic() + 60.0, time.monotonic, stop.sleep, lambda: 0.5)
        assert patience.wait_until(time.monotonic() + 0.3)
        assert stop.look()


@pytest.mark.parametrize("slept", [0.0, 0.5, 0.9, 1.0])
def test_a_wait_cut_short_is_no_leave_to_try_again(slept: float) -> None:
    """However late in a wait the end is asked for: the receiver sees no request before its time."""
    clock = [100.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds * slept

    patience = Patience(0.1, 5.0, 30.0, 200.0, lambda: clock[0], sleep, lambda: 0.5)
    assert patience.wait_until(105.0) == (slept == 1.0)
