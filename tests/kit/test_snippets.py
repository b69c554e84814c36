"""``pushvar kit snippet``: each piece is read, compiled or checked by the program that it is for."""

from __future__ import annotations

import configparser
import re
import shlex
from typing import TYPE_CHECKING, Any

import click
import pytest
import yaml
from pushvar.catalogue.core import CORE
from pushvar.cli.main import pushvar
from pushvar.kit.snippets import file_name, snippet, snippet_names, summary

from tests.components import REPOSITORY, golang
from tests.programs.commands import promtool, run_pushvar
from tests.programs.process import running, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FORMATTER = REPOSITORY / "tests" / "programs" / "go_format"
_COMMAND = re.compile(
    r"(?:^|[\s/'\"`])(pushvar (?:run|check|audit|job|kit|show|config|gateway)\b[^\n`#|>&]*)"
)


def commands_in(text: str) -> Iterator[list[str]]:
    """The calls of pushvar in a text, as words."""
    for found in _COMMAND.finditer(text.replace("\\\n", " ")):
        yield shlex.split(found[1].replace("{{", "").replace("}}", ""))[1:]


def parsed(words: list[str]) -> click.Context:
    """The innermost command's context; raises click's own error for what it does not know."""
    command: click.Command | None = pushvar
    context = click.Context(pushvar)
    while isinstance(command, click.Group):
        name, *words = words
        command = command.get_command(context, name)
        assert command is not None, f"pushvar has no command {name}"
        context = click.Context(command, parent=context)
    assert command is not None
    return command.make_context(command.name, words, parent=context)


@pytest.mark.parametrize("name", snippet_names())
def test_the_commands_of_a_snippet_exist(name: str) -> None:
    """Whoever copies a command out of a snippet has one that pushvar knows, with options that it has."""
    for words in commands_in(snippet(name)):
        assert parsed(words).command.name not in {None, "pushvar"}


def test_the_list_and_its_pieces() -> None:
    """Without a name all are listed with what they are for; with one that is not there, those that are."""
    listed = run_pushvar("kit", "snippet")
    assert listed.returncode == 0
    assert {"go", "otel", "prometheus", "cron", "systemd", "github"} <= {*snippet_names()}
    for name in snippet_names():
        assert f"{name} " in listed.stdout
        assert summary(name) in listed.stdout
    unknown = run_pushvar("kit", "snippet", "fortran")
    assert unknown.returncode == 2
    assert "systemd" in unknown.stderr
    assert run_pushvar("kit", "snippet", "cron").stdout == snippet("cron")


def test_go_snippets_are_formatted(tmp_path: Path) -> None:
    """Both parse, and stand as gofmt would put them."""
    program = tmp_path / "go_format"
    golang.run(_FORMATTER, "build", "-o", str(program), ".")
    names = [name for name in snippet_names() if file_name(name).endswith(".go")]
    assert len(names) == 2
    for name in names:
        (tmp_path / f"{name}.go").write_text(snippet(name))
    log = tmp_path / "log"
    with running([str(program), *(str(tmp_path / f"{name}.go") for name in names)], log) as process:
        process.process.wait(timeout=30)
    assert log.read_text() == ""


def test_the_go_snippet_is_covered(tmp_path: Path) -> None:
    """The service of the snippet compiles, runs, and gives the runtime's core metrics and its own."""
    source = tmp_path / "service"
    source.mkdir()
    (source / "go.mod").write_text("module example.com/service\n\ngo 1.21\n")
    text = snippet("go").replace('":6060"', "os.Args[1]").replace('"net/http"', '"net/http"\n\t"os"', 1)
    (source / "main.go").write_text(text)
    program = tmp_path / "service.bin"
    golang.run(source, "build", "-o", str(program), ".")
    with serving(
        lambda ports: [str(program), f"127.0.0.1:{ports[0]}"], tmp_path / "log", ready_path="/debug/vars"
    ) as (_, port):
        shown = run_pushvar("show", f"http://127.0.0.1:{port}/debug/vars").stdout
    names = set(re.findall(r"^([a-z_]+)\{", shown, re.MULTILINE))
    asked = {name for one in CORE if one.asked("silver", expvar=True) for name in one.families}
    assert asked - names == set()
    assert "orders_total" in names
    assert "http_requests_total" in shown


def test_the_prometheus_snippet(tmp_path: Path) -> None:
    """Prometheus takes it as its configuration."""
    (tmp_path / "prometheus.yml").write_text(snippet("prometheus"))
    done = promtool("check", "config", tmp_path / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_collector_snippet() -> None:
    """Each pipeline of the collector is made of what is configured, and nothing is configured in vain."""
    document: dict[str, Any] = yaml.safe_load(snippet("otel"))
    pipelines = document["service"]["pipelines"].values()
    for part in ("receivers", "processors", "exporters"):
        assert {name for one in pipelines for name in one[part]} == set(document[part])


def test_the_systemd_unit() -> None:
    """The unit has its three sections, and gives a run the time that it needs to end."""
    unit = configparser.ConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # systemd's keys have capitals
    unit.read_string(snippet("systemd"))
    assert unit.sections() == ["Unit", "Service", "Install"]
    assert int(unit["Service"]["TimeoutStopSec"]) > 10
    assert unit["Service"]["StateDirectory"] in unit["Service"]["Environment"]


def test_the_crontab() -> None:
    """Each line has five fields of time, a user and a command."""
    lines = [line for line in snippet("cron").splitlines() if line[:1] in "*0123456789" and line]
    assert len(lines) == 2
    for line in lines:
        *times, user, command = line.split(maxsplit=6)
        assert all(re.fullmatch(r"\*|\d+", time) for time in times)
        assert user.isalpha()
        assert command.startswith("pushvar ")
