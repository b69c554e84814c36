"""``pushvar demo`` and ``pushvar receive`` as a newcomer meets them: in a terminal and in a browser."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.programs.commands import PUSHVAR, pushvar_environment, run_pushvar

if TYPE_CHECKING:
    from tests.programs.browser import Browser

DEADLINE_S = 120.0  # the first build of the Go example compiles the standard library


def first_line_with(process: subprocess.Popen[str], words: str) -> str:
    """Read the process's output up to a line that holds these words."""
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return line
    raise AssertionError(f"the output ended without {words!r}")


def test_the_demo_ends_by_itself_with_a_summary() -> None:
    """Demo --for forwards real programs, finds nothing wrong, says what came, and exits 0."""
    done = run_pushvar("demo", "--for", "5s", "--every", "1s", "--port", "0", timeout_s=DEADLINE_S)
    assert done.returncode == 0, done.stderr
    assert re.search(r"page  http://127\.0\.0\.1:\d+/", done.stdout)
    summary = re.search(
        r"received ([\d,]+) samples of (\d+) series in (\d+) requests, .*; 0 violations", done.stdout
    )
    assert summary is not None
    assert int(summary[1].replace(",", "")) > 4 * 80
    assert int(summary[2]) > 80


def test_the_page_in_a_real_browser(browser: Browser, tmp_path: Path) -> None:
    """Chromium shows both targets as up, their tenants, a plot for each series, and nothing wrong."""
    command: list[str | Path] = [PUSHVAR, "demo", "--every", "1s", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=pushvar_environment()) as process:
        try:
            page = first_line_with(process, "page  ").split()[1]
            for _ in range(4):
                first_line_with(process, "2 targets")
            dom = browser.dump(f"{page}?refresh=0")
            browser.screenshot(f"{page}?refresh=0", tmp_path / "page.png", 1200, 900)
            one = re.search(r'href="(/series\?id=\d+)"', dom)
            assert one is not None
            series = browser.dump(page.rstrip("/") + one[1])
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)
    assert process.returncode == 0
    for words in ("acme", "globex", "gold", "silver", "go_memstats_heap_inuse_bytes", "orders_placed_total"):
        assert words in dom
    assert dom.count("<svg") > 80
    assert "down" not in re.sub(r"<style.*?</style>", "", dom, flags=re.DOTALL).split("<table", 2)[1]
    assert "<svg" in series
    assert png_size(tmp_path / "page.png") == (1200, 900)


def png_size(path: Path) -> tuple[int, int]:
    """Width and height out of the header of a PNG."""
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    return width, height


def test_a_live_table_in_a_terminal() -> None:
    """On a terminal a table is redrawn: targets with tenant and health; Ctrl-C ends everything cleanly."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [PUSHVAR, "demo", "--every", "1s", "--port", "0"],
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        env={**pushvar_environment(), "TERM": "xterm-256color", "COLUMNS": "140", "LINES": "40"},
    )  # fmt: skip
    os.close(slave)
    try:
        screen = read_until(master, "2 cycles")
        programs = children(process.pid)
        assert len(programs) == 2
        process.send_signal(signal.SIGINT)
        screen += read_until(master, "violations")
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)
    for words in (
        "target",
        "customer",
        "acme",
        "globex",
        "goroutines",
        "heap in use",
        "Ctrl-C ends",
        "0 violations",
    ):
        assert words in screen
    assert not any(Path(f"/proc/{pid}").exists() for pid in programs)


def read_until(terminal: int, words: str) -> str:
    """Read a terminal until these words were written to it."""
    text, end_s = "", time.monotonic() + DEADLINE_S
    while words not in text and time.monotonic() < end_s:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                text += os.read(terminal, 65_536).decode("utf-8", "replace")
            except OSError:
                break
    assert words in text, text[-2000:]
    return text


def children(pid: int) -> list[str]:
    """The processes that this one has started and that still run."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_the_receiver_names_what_is_wrong() -> None:
    """A request that is no remote write is answered with the broken rules; the exit code tells of it."""
    command: list[str | Path] = [PUSHVAR, "receive", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=pushvar_environment()) as process:
        try:
            url = first_line_with(process, "remote write").split()[-1]
            request = urllib.request.Request(url, data=b"hello", method="POST")
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=10)
            assert refused.value.code in (400, 415)
            assert "content" in refused.value.read().decode()
            status = json.loads(urllib.request.urlopen(url.replace("/write", "/status"), timeout=10).read())
            assert status["schema"] == 1
        finally:
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "0 samples in 1 requests" in out


def test_version_and_help() -> None:
    """Version names what it stands on; every command has help with examples, and says its exit codes."""
    version = json.loads(run_pushvar("version", "--json").stdout)
    assert version["schema"] == 1
    assert version["packages"]["protobuf"]
    top = run_pushvar("--help").stdout
    assert "Exit codes" in top
    for command in ("run", "show", "demo", "receive"):
        assert f"  {command} " in top
        assert "Examples:" in run_pushvar(command, "--help").stdout
    assert run_pushvar("ru").returncode == 2
