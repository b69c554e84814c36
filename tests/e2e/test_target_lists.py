"""``pushvar targets import`` and ``export`` against a Parameter Store: round trips, sizes, all or nothing."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest

from tests.programs.commands import run_pushvar

if TYPE_CHECKING:
    from pathlib import Path

    from tests.programs.aws import Aws
    from tests.programs.commands import Completed

STAGES = (f"/pushvar-lists/{n}" for n in itertools.count())
PAY = {"targets": ["h:1"], "labels": {"env": "prod"}}
CONFIG = {
    "scrape_configs": [
        {"job_name": "pay", "static_configs": [PAY]},
        {"job_name": "shop", "http_sd_configs": [{"url": "http://127.0.0.1:9/"}]},
    ]
}
MANY = 3_000


class Stage:
    """One tree, and pushvar run against it."""

    def __init__(self, aws: Aws, folder: Path) -> None:
        self.aws, self.folder, self.location = aws, folder, next(STAGES)
        (folder / "p.yml").write_text(json.dumps(CONFIG))
        self.done(self.run("config", "push", "p.yml", "--to", f"ssm:{self.location}"))

    def run(self, *arguments: str) -> Completed:
        """Run pushvar as somebody who may use this AWS."""
        return run_pushvar(*arguments, env=self.aws.environment, folder=self.folder)

    def targets(self, verb: str, *arguments: str, code: int = 0) -> str:
        """Run ``targets`` and give what it said: its output, or its errors when it is to fail."""
        out = self.run("targets", verb, "--registry", f"ssm:{self.location}", *arguments)
        return self.done(out, code)

    def done(self, finished: Completed, code: int = 0) -> str:
        """What a command said, once its exit code is the right one."""
        assert finished.returncode == code, finished.stdout + finished.stderr
        return finished.stderr if code else finished.stdout

    def values(self) -> dict[str, str]:
        """All parameters of the tree."""
        pages = self.aws.client("ssm").get_paginator("get_parameters_by_path")
        found = pages.paginate(Path=self.location, Recursive=True)
        return {one["Name"]: one["Value"] for page in found for one in page["Parameters"]}

    def write(self, name: str, text: str) -> str:
        """A file of the folder."""
        (self.folder / name).write_text(text)
        return name


@pytest.fixture
def stage(aws: Aws, tmp_path: Path) -> Stage:
    """A tree with two jobs."""
    return Stage(aws, tmp_path)


def test_thousands_of_rows(stage: Stage) -> None:
    """A long CSV goes over numbered parameters, comes back as it was, and a second time changes nothing."""
    rows = [f"10.0.{n // 250}.{n % 250}:8080,{('pay', 'shop')[n % 2]},team-{n % 7}" for n in range(MANY)]
    name = stage.write("t.csv", "\n".join(["target,job,team", *rows, ""]))
    before = stage.values()
    planned = json.loads(stage.targets("import", name, "--dry-run", "--json"))
    assert stage.values() == before
    assert planned["jobs"]["pay"] == {"added": MANY // 2, "removed": 0, "unchanged": 0}
    assert not planned["written"]
    said = stage.targets("import", name)
    assert said.splitlines()[-1] == "3,000 changes; written"
    after = stage.values()
    assert f"{stage.location}/config/scrape_configs/pay.2" in after
    exported = stage.targets("export")
    assert len(exported.splitlines()) == MANY + 2
    again = stage.targets("import", stage.write("again.csv", exported), "--replace")
    assert again.splitlines()[-1] == "0 changes; nothing to write"
    assert stage.values() == after
    stage.targets("import", stage.write("empty.csv", "target\n"), "--job", "shop", "--replace")
    assert json.loads(stage.targets("export", "--job", "shop", "--json"))["targets"] == []


@pytest.mark.parametrize(("form", "name"), [("file_sd", "t.json"), ("yaml", "t.yml")])
def test_round_trip_of_file_sd(stage: Stage, form: str, name: str) -> None:
    """What is exported as file_sd imports as no change, and replaces what came meanwhile."""
    before = stage.values()
    stage.write(name, stage.targets("export", "--job", "pay", "--format", form))
    assert "nothing to write" in stage.targets("import", name, "--job", "pay")
    stage.targets("add", "--job", "pay", "x:1")
    said = stage.targets("import", name, "--job", "pay", "--replace", "--json")
    assert json.loads(said)["jobs"] == {"pay": {"added": 0, "removed": 1, "unchanged": 1}}
    assert stage.values() == before


def test_from_stdin_formats_are_named(stage: Stage) -> None:
    """A list without a name has to say what it is; a file_sd list what job it is for."""
    assert "--format: the name - does not say what the list is" in stage.targets("import", "-", code=2)
    name = stage.write("t.json", "[]")
    assert "--job: missing: a file_sd list names no job" in stage.targets("import", name, code=2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("target,job\na,pay\nb:x,pay\nc,pay,d\n", ["t.csv:3: ", "t.csv:4: 3 cells, the header has 2"]),
        ("target,job\na,pay\na,pay\n", ["t.csv:3: a of job pay stands at t.csv:2 too"]),
        ("target,job\na,nope\n", ["--job: nope is no job of this configuration; it has pay, shop"]),
        ("target,job,x,env\nh:1,pay,,prod\na,pay,,\na:80,pay,,\n", ["a:80 of job pay stands at t.csv:3 too"]),
        ("target,job,sla_tier\na,pay,wood\n", ['"wood" is not a tier']),
    ],
)  # fmt: skip
def test_nothing_is_written_of_a_wrong_list(stage: Stage, text: str, said: list[str]) -> None:
    """Whatever is wrong with a row, nothing of the list is written, and the row is named."""
    before = stage.values()
    errors = stage.targets("import", stage.write("t.csv", text), code=2)
    assert [one for one in said if one not in errors] == []
    assert stage.values() == before
