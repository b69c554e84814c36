"""Parameter Store from the command line: push, list, add, remove, and a run whose series arrive."""
# ruff: noqa: E501 - a message stands on one line, as people see it

from __future__ import annotations

import itertools
import json
import os
import pty
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.receiver.server import Receiver

from tests.contract.aws_door import aws_door, refusal
from tests.e2e.configurations import write_config
from tests.programs.commands import PUSHVAR, pushvar_environment, run_pushvar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.conftest import Proxies
    from tests.programs.aws import Aws
    from tests.programs.commands import Completed
    from tests.programs.databases import Database
    from tests.programs.servers import Server

STAGES = (f"/pushvar-e2e/stage-{n}" for n in itertools.count())
BACKEND = {"main": "http://127.0.0.1:9/"}


class Stage:
    """One tree of the session's Parameter Store, and pushvar run against it."""

    def __init__(self, aws: Aws, folder: Path) -> None:
        self.aws = aws
        self.location = next(STAGES)
        self.reference = f"ssm:{self.location}"
        self.folder = folder

    def run(self, *arguments: str | Path, **environment: str) -> Completed:
        """Run pushvar as somebody who may use this AWS."""
        return run_pushvar(*arguments, env={**self.aws.environment, **environment}, folder=self.folder)

    def push(self, config: Path, *more: str) -> Completed:
        """Run ``config push`` into this tree."""
        return self.run("config", "push", config, "--to", self.reference, *more)

    def targets(self, verb: str, *arguments: str) -> Completed:
        """Run ``targets`` against this tree."""
        return self.run("targets", verb, "--registry", self.reference, *arguments)

    def addresses(self) -> list[tuple[str, str]]:
        """Job and address of each target."""
        done = self.targets("list", "--json")
        return [(one["job"], one["address"]) for one in json.loads(done.stdout)["targets"]]

    def values(self) -> dict[str, str]:
        """All parameters below the location, by relative name."""
        pages = self.aws.client("ssm").get_paginator("get_parameters_by_path")
        found = pages.paginate(Path=self.location, Recursive=True)
        cut = len(self.location) + 1
        return {one["Name"][cut:]: one["Value"] for page in found for one in page["Parameters"]}

    def put(self, items: dict[str, str], kind: str = "String") -> None:
        """Write parameters past pushvar."""
        for name, value in items.items():
            self.aws.client("ssm").put_parameter(
                Name=f"{self.location}/{name}", Value=value, Type=kind, Overwrite=True
            )


@pytest.fixture
def stage(aws: Aws, tmp_path: Path) -> Stage:
    """An empty tree."""
    return Stage(aws, tmp_path)


def done(completed: Completed, code: int = 0) -> tuple[str, str]:
    """What a command said, after checking how it ended."""
    assert completed.returncode == code, completed.stdout + completed.stderr
    return completed.stdout, completed.stderr


def lines(text: str) -> list[list[str]]:
    """The words of each line."""
    return [line.split() for line in text.splitlines()]


def test_a_go_program_through_parameter_store(
    go_program: Server, recorded: Proxies, prometheus: Database, stage: Stage
) -> None:
    """Pushed, one target added, a secret in Parameter Store: the series of both jobs arrive in Prometheus."""
    config = write_config(
        stage.folder,
        {"ssm-one": go_program.address, "ssm two": "127.0.0.1:1"},
        {"prometheus": prometheus.write_url},
        labels={"customer_id": "acme", "sla_tier": "gold"},
    )
    document = json.loads(config.read_text())
    document["scrape_configs"][1]["authorization"] = {"credentials": f"ssm:{stage.location}/secrets/token"}
    config.write_text(json.dumps(document))
    stage.put({"secrets/token": "hunter2"}, "SecureString")
    done(stage.push(config))
    done(stage.targets("remove", "127.0.0.1:1"))
    with recorded(go_program.url) as proxy:
        done(stage.targets("add", "--job", "ssm two", "--label", "customer_id=globex", proxy.address))
        state = f"sqlite:{stage.folder / 'state.db'}"
        out, err = done(stage.run("run", "--once", "--registry", stage.reference, "--state", state))
        assert proxy.last().request_headers["authorization"] == "Bearer hunter2"
        goroutines = json.loads(proxy.last().body)["goroutines"]
    assert "2 targets" in out
    assert err == ""
    found = prometheus.query('go_goroutines{job=~"ssm.*"}')
    assert {(labels["job"], labels["customer_id"], labels["instance"]) for labels, _value in found} == {
        ("ssm-one", "acme", go_program.address),
        ("ssm two", "globex", proxy.address),
    }
    assert [value for labels, value in found if labels["job"] == "ssm two"] == [goroutines]


def test_the_environment_names_the_registry(stage: Stage) -> None:
    """PUSHVAR_REGISTRY stands in for --registry; --config and --registry exclude each other; one is needed."""
    state = {"XDG_STATE_HOME": str(stage.folder / "state")}
    with Receiver() as receiver:
        config = write_config(stage.folder, {"a": "127.0.0.1:1"}, {"main": receiver.write_url})
        done(stage.push(config))
        listed, _ = done(stage.run("targets", "list", PUSHVAR_REGISTRY=stage.reference))
        assert "127.0.0.1:1" in listed
        done(stage.run("run", "--once", PUSHVAR_REGISTRY=stage.reference, **state), 3)
        done(stage.run("run", "--once", "--config", config, PUSHVAR_REGISTRY="ssm:/nothing", **state), 3)
    kept = sorted(path.name for path in (stage.folder / "state" / "pushvar").glob("*.db"))
    assert [name.rpartition("-")[0] for name in kept] == [
        "pushvar",
        stage.reference.replace(":/", "-").replace("/", "-"),
    ]
    both = stage.run("run", "--once", "--config", config, "--registry", stage.reference)
    assert "exclude each other" in done(both, 2)[1]
    assert (
        "give --config FILE or --registry REF, or set PUSHVAR_REGISTRY"
        in done(stage.run("run", "--once"), 2)[1]
    )


def test_a_push_shows_what_it_changes(stage: Stage) -> None:
    """A dry run writes nothing and says the same; a second push has nothing to write."""
    config = write_config(stage.folder, {"a": "h:1", "web shop": "h:2"}, BACKEND)
    dry, _ = done(stage.push(config, "--dry-run"))
    assert stage.values() == {}
    first, _ = done(stage.push(config))
    assert dry.replace("a dry run: nothing was written", "written") == first
    assert lines(first) == [
        ["added", "global", "66", "bytes"],
        ["added", "remote_write/main", "42", "bytes"],
        ["added", "scrape_configs/a", "65", "bytes"],
        ["added", "scrape_configs/web_shop-87c9a8b1", "72", "bytes"],
        [f"{stage.reference}:", "2", "jobs,", "2", "targets;", "4", "added"],
        ["written"],
    ]
    again, _ = done(stage.push(config))
    assert again == f"{stage.reference}: 2 jobs, 2 targets; 4 unchanged (245 bytes)\nnothing to write\n"
    write_config(stage.folder, {"a": "h:10", "b": "h:2"}, BACKEND)
    changed, _ = done(stage.push(config))
    assert [line[:2] for line in lines(changed)[:3]] == [
        ["changed", "scrape_configs/a"],
        ["added", "scrape_configs/b"],
        ["removed", "scrape_configs/web_shop-87c9a8b1"],
    ]
    assert "66 bytes  was 65 bytes" in changed
    assert sorted(stage.values()) == sorted(
        f"config/{name}"
        for name in ("global", "manifest", "remote_write/main", "scrape_configs/a", "scrape_configs/b")
    )


def test_a_push_that_is_throttled_goes_on(stage: Stage) -> None:
    """More refusals than the client's own tries: one line says that it waits, then everything is there."""
    config = write_config(stage.folder, {"a": "127.0.0.1:1"}, BACKEND)
    with aws_door(stage.aws) as door:
        door.fail("PutParameter", refusal("ThrottlingException"), times=5)
        pushed = stage.run("config", "push", config, "--to", stage.reference, AWS_ENDPOINT_URL=door.url)
    out, err = done(pushed)
    assert err == "AWS limits the rate of writes: waiting, then going on\n"
    assert out.endswith("written\n")
    assert "nothing to write" in done(stage.push(config))[0]


def test_a_pull_on_a_terminal_shows_how_far_it_is(stage: Stage) -> None:
    """A line counts the parameters and goes away; away from a terminal there is none."""
    done(stage.push(write_config(stage.folder, {f"j{n}": "127.0.0.1:1" for n in range(12)}, BACKEND)))
    pull = ("config", "pull", "--from", stage.reference, "--dry-run")
    assert "reading" not in done(stage.run(*pull))[1]
    master, slave = pty.openpty()
    with os.fdopen(master, "rb", 0) as screen:
        subprocess.run(
            [PUSHVAR, *pull],
            env={**pushvar_environment(), **stage.aws.environment},
            stderr=slave,
            check=True,
            timeout=30,
        )
        os.close(slave)
        shown = screen.read(65536).decode()
    assert "\rreading: 1 parameter" in shown
    assert "\rreading: 15 parameters\r\x1b[K" in shown


def test_a_push_for_programs(stage: Stage) -> None:
    """One JSON object: what became of each parameter, and whether anything was written."""
    config = write_config(stage.folder, {"a": "h:1"}, BACKEND)
    dry = json.loads(done(stage.push(config, "--json", "--dry-run"))[0])
    assert (dry["dry_run"], dry["written"]) == (True, False)
    out = json.loads(done(stage.push(config, "--json"))[0])
    assert out == {
        "schema": 1, "to": stage.reference, "dry_run": False, "written": True,
        "parameters": [
            {"name": "global", "change": "added", "bytes": 66, "bytes_before": None},
            {"name": "remote_write/main", "change": "added", "bytes": 42, "bytes_before": None},
            {"name": "scrape_configs/a", "change": "added", "bytes": 65, "bytes_before": None},
        ],
    }  # fmt: skip


WRONG: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"scrape_configs": [{"job_name": "a", "schema": "https"}], "remote_writ": []},
        ["p.yml:1:39: scrape_configs[0].schema: unknown; did you mean scheme?", "p.yml:1:60: remote_writ: unknown; did you mean remote_write?"],
    ),
    (
        {"scrape_configs": [{"job_name": "a", "file_sd_configs": [{"files": ["/a.yml"]}]}]},
        ["p.yml:1:58: scrape_configs[0].file_sd_configs: not for Parameter Store; targets of a Parameter Store tree stand in static_configs"],
    ),
    (
        {"scrape_configs": [{"job_name": "a", "static_configs": [{"targets": ["h:1", "h:1"]}]}]},
        ["p.yml: scrape_configs[0].static_configs[0]: target h:1 of job a has the same labels as http://h:1/debug/vars; give one of them a label that tells them apart"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("document", "said"), WRONG)
def test_a_mistake_in_the_file(stage: Stage, document: object, said: list[str]) -> None:
    """Every problem with its place in the file, exit code 2, and nothing is written."""
    (stage.folder / "p.yml").write_text(json.dumps(document))
    pushed = stage.run("config", "push", "p.yml", "--to", stage.reference)
    assert done(pushed, 2) == ("", "".join(f"pushvar: {line}\n" for line in said))
    assert stage.values() == {}


def test_what_cannot_be_pushed_to(stage: Stage) -> None:
    """A file, a location that no tree can have, a file that is not there."""
    config = write_config(stage.folder, {"a": "h:1"}, BACKEND)
    for arguments, words in (
        ((config, "--to", "x.yml"), "--to: x.yml is not in Parameter Store; write ssm:/pushvar/<stage>"),
        ((config, "--to", "ssm:pushvar"), "ssm:pushvar: not a place for a configuration in Parameter Store"),
        (("none.yml", "--to", stage.reference), "none.yml: no such file or folder; check the path"),
    ):
        assert words in done(stage.run("config", "push", *arguments), 2)[1]


def test_aws_that_is_not_there(stage: Stage) -> None:
    """No traceback: what was asked, what is wrong, what to do; exit code 2."""
    config = write_config(stage.folder, {"a": "h:1"}, BACKEND)
    gone = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    for arguments in (
        ("config", "push", config, "--to", stage.reference),
        ("targets", "list", "-r", stage.reference),
    ):
        out, err = done(stage.run(*arguments, **gone), 2)
        assert err.startswith(f"pushvar: {stage.reference}/config: EndpointConnection: ")
        assert err.endswith("is the network there, and AWS_ENDPOINT_URL right?\n")
        assert "added" not in out


def filled(stage: Stage, **jobs: Iterable[str]) -> None:
    """Push jobs with these targets; each has two labels."""
    document = {
        "scrape_configs": [
            {
                "job_name": name,
                "sample_limit": 5,
                "static_configs": [{"targets": [*targets], "labels": {"env": "prod", "customer_id": "acme"}}],
            }
            for name, targets in jobs.items()
        ]
    }
    (stage.folder / "p.yml").write_text(json.dumps(document))
    done(stage.run("config", "push", "p.yml", "--to", stage.reference))


def test_targets_are_listed(stage: Stage) -> None:
    """From a tree and from a file alike: job, address, URL, labels; for one job; for programs."""
    filled(stage, pay=["h:1", "h:2"], shop=["s"])
    out, err = done(stage.targets("list"))
    assert lines(out) == [
        ["job", "address", "url", "labels"],
        [
            "pay",
            "h:1",
            "http://h:1/debug/vars",
            "customer_id=acme",
            "env=prod",
            "service_domain=pay",
            "sla_tier=bronze",
        ],
        [
            "pay",
            "h:2",
            "http://h:2/debug/vars",
            "customer_id=acme",
            "env=prod",
            "service_domain=pay",
            "sla_tier=bronze",
        ],
        [
            "shop",
            "s:80",
            "http://s:80/debug/vars",
            "customer_id=acme",
            "env=prod",
            "service_domain=shop",
            "sla_tier=bronze",
        ],
        ["3", "targets"],
    ]
    assert err == ""
    assert done(stage.run("targets", "list", "--registry", "p.yml"))[0] == out
    assert len(lines(done(stage.targets("list", "--job", "shop"))[0])) == 3
    assert (
        "nope is no job of this configuration; it has pay, shop"
        in done(stage.targets("list", "--job", "nope"), 2)[1]
    )
    listed = json.loads(done(stage.targets("list", "--json", "--job", "shop"))[0])
    assert listed["schema"] == 1
    assert (listed["registry"], listed["unsettled"], listed["problems"]) == (stage.reference, "", [])
    assert listed["targets"] == [
        {
            "job": "shop", "address": "s:80", "url": "http://s:80/debug/vars",
            "labels": {"customer_id": "acme", "env": "prod", "instance": "s:80", "job": "shop", "service_domain": "shop", "sla_tier": "bronze"},
        }
    ]  # fmt: skip


def test_problems_of_a_list(stage: Stage) -> None:
    """A duplicate is a warning and exit code 1; the rest is listed."""
    filled(stage, pay=["h:1"])
    stage.put(
        {
            "config/scrape_configs/pay.2": "static_configs: [{targets: ['h:1'], labels: {env: prod, customer_id: acme}}]"
        }
    )
    out, err = done(stage.targets("list"), 1)
    assert len(lines(out)) == 3
    assert err == (
        f"warning: {stage.location}/config/scrape_configs/pay.2: target h:1 of job pay has the same labels as "
        "http://h:1/debug/vars; give one of them a label that tells them apart\n"
    )
    listed = json.loads(done(stage.targets("list", "--json"), 1)[0])
    assert (len(listed["targets"]), len(listed["problems"])) == (1, 1)
    assert listed["unsettled"]


def test_targets_are_added_and_removed(stage: Stage) -> None:
    """They join the group with their labels or are a new one; the other parameters are not touched."""
    filled(stage, pay=["h:1"], shop=["s"])
    before = stage.values()
    labels = ("--label", "customer_id=acme", "--label", "env=prod")
    assert (
        done(stage.targets("add", "--job", "pay", *labels, "h:2", "h:3"))[0]
        == "pay: 2 targets added; it has 3 now\n"
    )
    assert done(stage.targets("add", "--job", "pay", "h:1"))[0] == "pay: 1 target added; it has 4 now\n"
    after = stage.values()
    assert {name for name in after if after[name] != before.get(name)} == {
        "config/scrape_configs/pay",
        "config/manifest",
    }
    assert after["config/scrape_configs/pay"] == (
        '{job_name: "pay", sample_limit: 5, static_configs: [{targets: ["h:1", "h:2", "h:3"], '
        'labels: {env: "prod", customer_id: "acme"}},\n{targets: ["h:1"]}]}'
    )
    assert done(stage.targets("remove", "h:1", "s"))[0] == (
        "pay: 2 targets removed; it has 2 now\nshop: 1 target removed; it has 0 now\n"
    )
    assert stage.addresses() == [("pay", "h:2"), ("pay", "h:3")]
    assert done(stage.targets("remove", "--job", "pay", "h:2"))[0] == "pay: 1 target removed; it has 1 now\n"


def test_many_targets_are_added_and_removed(stage: Stage) -> None:
    """A list that outgrows its parameter goes on in others, which go when it shrinks."""
    filled(stage, pay=["h:1"])
    many = [f"host-{n}.example:8080" for n in range(400)]
    done(stage.targets("add", "--job", "pay", *many))
    assert {"config/scrape_configs/pay.2", "config/scrape_configs/pay.3"} <= stage.values().keys()
    assert len(stage.addresses()) == 401
    done(stage.targets("remove", *many))
    assert stage.values().keys() == {"config/manifest", "config/scrape_configs/pay"}
    assert stage.addresses() == [("pay", "h:1")]


REFUSED: list[tuple[tuple[str, ...], str]] = [
    (("add", "--job", "nope", "h:9"), "--job: nope is no job of this configuration; it has pay, shop"),
    (("add", "--job", "pay", "--label", "customer_id=acme", "--label", "env=prod", "h:9", "h:1"), "h:1: has the same labels as http://h:1/debug/vars of job pay; it is there already, or needs a label of its own"),
    (("add", "--job", "pay", "h:9", "h:9"), "h:9: has the same labels as http://h:9/debug/vars of job pay; it is there already, or needs a label of its own"),
    (("add", "--job", "shop", "--label", "job=pay", "--label", "customer_id=acme", "--label", "env=prod", "h:1"), "h:1: has the same labels as http://h:1/debug/vars of job pay; it is there already, or needs a label of its own"),
    (("add", "--job", "pay", "--label", "env=a", "--label", "env=b", "h:9"), "--label: the same name is given twice; keep one"),
    (("add", "--job", "pay", "--label", "env", "h:9"), "'env' is no label; write name=value"),
    (("add", "--job", "pay", "--label", "sla_tier=lead", "h:9"), 'scrape_configs/pay:2:39: scrape_configs[0].static_configs[1].labels.sla_tier: "lead" is not a tier; the tiers are bronze, gold, silver'),
    (("add", "--job", "pay", "--label", "a-b=c", "h:9"), 'static_configs[1].labels.a-b: "a-b" is not a label name; write a_b'),
    (("add", "--job", "pay", "http://h/x"), 'static_configs[1].targets[0]: a target is host:port, without scheme, user and path; write "h"'),
    (("add", "--job", "pay", "--label", f"a={'b' * 5000}", "h:9"), "scrape_configs[0].static_configs[1]: one target with its labels takes 5,035 bytes; there is room for 4,076"),
    (("remove", "h:9", "h:1", "h:8"), "h:9: no target of this configuration; pushvar targets list shows those that are there"),
    (("remove", "--job", "shop", "h:1"), "h:1: no target of job shop; pushvar targets list shows those that are there"),
    (("remove", "--job", "nope", "h:1"), "--job: nope is no job of this configuration; it has pay, shop"),
    (("add", "--job", "pay"), "Missing argument 'ADDRESS...'"),
]  # fmt: skip


def test_changes_that_are_refused(stage: Stage) -> None:
    """The reason is told, exit code 2, and nothing is written."""
    filled(stage, pay=["h:1"], shop=["s"])
    before = stage.values()
    for (verb, *arguments), words in REFUSED:
        assert words in done(stage.targets(verb, *arguments), 2)[1]
    assert stage.values() == before


def test_a_file_is_edited_by_its_owner(stage: Stage) -> None:
    """The commands that write do so in Parameter Store alone."""
    config = write_config(stage.folder, {"a": "h:1"}, BACKEND)
    for arguments in (("add", "--job", "a", "h:2"), ("remove", "h:1")):
        verb, *rest = arguments
        _, err = done(stage.run("targets", verb, "--registry", str(config), *rest), 2)
        assert err == f"pushvar: --registry: {config} is not in Parameter Store; edit the file\n"


def test_half_of_a_push_is_not_edited(stage: Stage) -> None:
    """A manifest of another tree stops a change; a tree without one gets one."""
    filled(stage, pay=["h:1"])
    stage.put({"config/scrape_configs/new": "{}"})
    _, err = done(stage.targets("add", "--job", "pay", "h:2"), 2)
    assert err == (
        f"pushvar: {stage.reference} does not match its manifest: a push is under way, was cut off, or somebody wrote "
        f"past it; push the whole configuration, or take the tree as it is: delete {stage.location}/config/manifest\n"
    )
    stage.aws.client("ssm").delete_parameter(Name=f"{stage.location}/config/manifest")
    done(stage.targets("add", "--job", "pay", "h:2"))
    assert "config/manifest" in stage.values()
    done(stage.targets("add", "--job", "pay", "h:3"))
    empty = next(STAGES)
    _, err = done(stage.run("targets", "remove", "--registry", f"ssm:{empty}", "h"), 2)
    assert err == (
        f"pushvar: ssm:{empty}: no configuration there; fill it: pushvar config push pushvar.yml --to ssm:{empty}\n"
    )


def test_the_last_good_tree_outlives_parameter_store(
    stage: Stage, go_program: Server, tmp_path: Path
) -> None:
    """A run that starts while Parameter Store is away, or broken by hand, forwards what was good, and says so."""
    with Receiver() as receiver:
        done(stage.push(write_config(tmp_path, {"pay": go_program.address}, {"main": receiver.write_url})))
        once = ("run", "--registry", stage.reference, "--once", "--state", str(tmp_path / "state.db"))
        out, _err = done(stage.run(*once))
        assert "1 target" in out
        out, err = done(stage.run(*once, AWS_ENDPOINT_URL="http://127.0.0.1:9"))
        assert "main: " in out
        assert "EndpointConnection" in err
        stage.put({"config/scrape_configs/pay": "{job_name: [}"})
        out, err = done(stage.run(*once))
        assert "main: " in out
        assert f"{stage.location}/config/scrape_configs/pay:1:" in err
        assert len(receiver.requests()) >= 3
    other = ("run", "--registry", stage.reference, "--once", "--state", str(tmp_path / "other.db"))
    assert "not valid YAML" in done(stage.run(*other), 2)[1]
