"""A configuration that changes while pushvar runs: good ones are taken, bad ones refused, nothing is lost."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from tests.programs.commands import PUSHVAR, pushvar_environment, run_pushvar
from tests.programs.loopback import wait_until
from tests.programs.stepping_targets import JOBS, NAMES, step_of, stepping_targets
from tests.programs.storing_receiver import GOOD, Asked, Deed, is_stale, storing_receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.programs.aws import Aws
    from tests.programs.stepping_targets import SteppingTargets

CYCLES = 12
RELOADED = "pushvar_config_last_reload_successful"


@dataclass
class Scene:
    """Targets that log what they served, a backend that logs what came, and a configuration about both."""

    folder: Path
    targets: SteppingTargets
    url: str = ""
    came: list[tuple[dict[str, str], float]] = field(default_factory=list)

    def script(self, asked: Asked) -> Deed:
        """Log and take everything."""
        self.came += [(dict(labels), value) for labels, _, value in asked.samples]
        return GOOD

    def document(self, **queue: Any) -> dict[str, Any]:
        """A good configuration; ``queue`` makes it another version without another series."""
        jobs = [
            {"job_name": job, "metrics_path": f"/{job}", "scrape_timeout": "900ms",
             "static_configs": [{"targets": [self.targets.address]}]}
            for job in JOBS
        ]  # fmt: skip
        return {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": jobs,
            "remote_write": [{"name": "main", "url": self.url, "queue_config": queue}],
        }

    def check(self, lines: list[dict[str, Any]]) -> None:
        """Every document that was served arrived, whole and once; every cycle was a good one."""
        for line in lines:
            assert not line["skipped"]
            assert [target["reason"] for target in line["targets"]] == ["ok", "ok"]
            assert [(one["failed"], one["waiting"]) for one in line["backends"]] == [(0, 0)]
        for job in JOBS:
            served = Counter({one.step: len(NAMES) for one in self.targets.log if one.job == job})
            arrived = Counter(
                step_of(value)
                for labels, value in self.came
                if labels["job"] == job and labels["__name__"] in NAMES and not is_stale(value)
            )
            assert arrived == served

    def own(self, name: str) -> set[float]:
        """The values that a metric of pushvar's own had."""
        return {value for labels, value in self.came if labels["__name__"] == name}


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """Build one."""
    with stepping_targets() as targets:
        made = Scene(folder, targets)
        with storing_receiver(made.script, lambda: targets.cycle) as (there, listen):
            made.url = there.url
            listen()
            yield made
            assert not there.violations


def forwarded(
    scene: Scene, arguments: list[str], environment: Mapping[str, str], swap: Callable[[int], None]
) -> tuple[list[dict[str, Any]], str]:
    """Run pushvar for some cycles while ``swap`` changes the configuration again and again.

    Gives its lines and what it said on standard error.
    """
    over = Event()

    def swapping() -> None:
        number = 0
        while scene.targets.cycle < 1 and not over.is_set():
            over.wait(0.05)
        while not over.is_set():
            swap(number)
            number += 1
            over.wait(0.2)

    line: list[str | Path] = [
        PUSHVAR,
        "run",
        *arguments,
        "--every",
        "1s",
        "--json",
        "--state",
        f"sqlite:{scene.folder}/state.db",
    ]
    env = {**pushvar_environment(), **environment}
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    ) as process:
        swapper = Thread(target=swapping)
        swapper.start()
        try:
            wait_until(
                lambda: scene.targets.cycle >= CYCLES or process.poll() is not None,
                timeout_s=60.0,
                what="the last cycle",
            )
        finally:
            over.set()
            swapper.join()
            process.terminate()
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0, err
    return [json.loads(one) for one in out.splitlines()], err


def test_files_swapped_under_load(tmp_path: Path) -> None:
    """Valid, invalid, empty and half-written files in turn: each cycle is whole and says its version."""
    config = tmp_path / "pushvar.yml"
    with scene(tmp_path) as here:
        good = [json.dumps(here.document(max_shards=number)) for number in (1, 2)]
        half = good[0][: len(good[0]) // 2]
        texts = [good[0], half, good[1], '{"global": {"nonsense": 1}}', "", good[1][:-1]]
        config.write_text(good[0])

        def swap(number: int) -> None:
            config.write_text(texts[number % len(texts)])

        lines, err = forwarded(here, ["--config", str(config)], {}, swap)
        here.check(lines)
        assert len(lines) >= CYCLES
        assert len({line["config_version"] for line in lines}) == 2
        assert here.own(RELOADED) == {0.0, 1.0}
    assert "global.nonsense: unknown" in err
    assert "the last good one" in err


def test_a_tree_of_parameters_changed_under_load(tmp_path: Path, aws: Aws) -> None:
    """The same from Parameter Store: pushes in between half changes and broken items by other hands."""
    location, config = "/pushvar-e2e/reload", tmp_path / "pushvar.yml"
    client = aws.client("ssm")

    def put(item: str, value: str) -> None:
        name = f"{location}/config/{item}"
        client.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)

    def push(number: int) -> None:
        config.write_text(json.dumps(here.document(max_shards=1 + number % 2)))
        done = run_pushvar("config", "push", config, "--to", f"ssm:{location}", env=aws.environment)
        assert done.returncode == 0, done.stderr

    def swap(number: int) -> None:
        if number % 3 == 0:
            push(number)
        else:
            put("global", "{" if number % 3 == 1 else "{scrape_interval: 2s}")
            put("manifest", "of a push that is not done yet")
        if number % 3 != 1:
            time.sleep(1.2)  # so long that a cycle meets it

    with scene(tmp_path) as here:
        push(0)
        lines, err = forwarded(here, ["--registry", f"ssm:{location}"], aws.environment, swap)
        here.check(lines)
        assert len(lines) >= CYCLES
        assert len({line["config_version"] for line in lines}) == 2
    assert "the last good one" in err


def test_a_restart_with_a_broken_file_works_on(tmp_path: Path) -> None:
    """What was good is kept in the state store: cron goes on with it, and says so each time."""
    config = tmp_path / "pushvar.yml"
    once: list[str | Path] = [
        "run",
        "--config",
        config,
        "--once",
        "--json",
        "--state",
        f"sqlite:{tmp_path}/state.db",
    ]
    with scene(tmp_path) as here:
        config.write_text("{")
        assert run_pushvar(*once).returncode == 2, "there is none that was ever good"
        config.write_text(json.dumps(here.document()))
        first = run_pushvar(*once)
        assert (first.returncode, first.stderr) == (0, "")
        good = json.loads(first.stdout)
        missing = here.document()
        missing["scrape_configs"][0]["authorization"] = {"credentials": "env:NOT_THERE"}
        for text, reason in (("{", "not valid YAML"), (json.dumps(missing), "NOT_THERE")):
            config.write_text(text)
            broken = run_pushvar(*once)
            line = json.loads(broken.stdout)
            assert (broken.returncode, line["config_version"]) == (0, good["config_version"])
            assert (
                f"the newest one is refused; the last good one ({good['config_version']}) is used"
                in broken.stderr
            )
            assert reason in broken.stderr
        here.check([good, line])
        assert here.own(RELOADED) == {0.0, 1.0}


def test_sighup_looks_at_once(tmp_path: Path) -> None:
    """A bad version is named and a good one taken long before the next cycle is due."""
    config = tmp_path / "pushvar.yml"
    with scene(tmp_path) as here:
        config.write_text(json.dumps(here.document()))
        state = f"sqlite:{tmp_path}/state.db"
        line: list[str | Path] = [PUSHVAR, "run", "--config", config, "--every", "1h", "--state", state]
        told = tmp_path / "err"
        with (
            told.open("w") as err,
            subprocess.Popen(
                line, stdout=subprocess.DEVNULL, stderr=err, env=pushvar_environment()
            ) as process,
        ):
            try:
                wait_until(lambda: bool(here.came), timeout_s=30.0, what="a sample")
                time.sleep(0.5)
                config.write_text('{"global": {"nonsense": 1}}')
                process.send_signal(signal.SIGHUP)
                wait_until(lambda: "global.nonsense: unknown" in told.read_text(), timeout_s=10.0, what="no")
                before = told.read_text().count("looked at the configuration")
                config.write_text(json.dumps(here.document(max_shards=3)))
                process.send_signal(signal.SIGHUP)
                wait_until(
                    lambda: told.read_text().count("looked at the configuration") > before,
                    timeout_s=10.0,
                    what="the good version is looked at",
                )
            finally:
                process.terminate()
            assert process.wait(20) == 0
        versions = [one.split()[-3] for one in told.read_text().splitlines() if "looked at" in one]
        assert len(set(versions)) == 2
        assert here.targets.cycle == 1
