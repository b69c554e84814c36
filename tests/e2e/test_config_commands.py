"""``pushvar config`` against Parameter Store and files: validate, import, pull, diff, log, schema."""
# ruff: noqa: E501 - a message stands on one line, as people see it

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

STAGES = (f"/pushvar-config/stage-{n}" for n in itertools.count())

DOCUMENT = """\
# a comment
global: {scrape_interval: 30s}
scrape_configs:
  - job_name: pay
    authorization: {credentials: env:PAY_TOKEN}
    static_configs:
      - targets: [TARGETS]
        labels: {customer_id: acme}
      - targets: ["other:1"]
  - job_name: 'web shop'
    mappings: [shop]
    static_configs: [{targets: ["w:1"]}]
mappings:
  shop: [{match: "a/{b}", name: a}]
remote_write: [{url: "http://127.0.0.1:9/w"}]
"""


class Place:
    """A tree of the session's Parameter Store, a folder, and pushvar run in both."""

    def __init__(self, aws: Aws, folder: Path) -> None:
        self.aws = aws
        self.location = next(STAGES)
        self.reference = f"ssm:{self.location}"
        self.folder = folder
        self.file = folder / "pushvar.yml"
        targets = ", ".join(f'"host-{n}.example:8080"' for n in range(400))
        self.file.write_text(DOCUMENT.replace("TARGETS", targets))

    def config(self, *arguments: str | Path, input: str | None = None) -> Completed:  # noqa: A002 - as run's
        """Run ``pushvar config``."""
        return run_pushvar("config", *arguments, env=self.aws.environment, folder=self.folder, input=input)

    def pushed(self) -> None:
        """Push the file."""
        done(self.config("push", self.file, "--to", self.reference))


@pytest.fixture
def place(aws: Aws, tmp_path: Path) -> Place:
    """An empty tree and a configuration file."""
    return Place(aws, tmp_path)


def done(completed: Completed, code: int = 0) -> tuple[str, str]:
    """What a command said, after checking how it ended."""
    assert completed.returncode == code, completed.stdout + completed.stderr
    return completed.stdout, completed.stderr


def test_there_and_back(place: Place) -> None:
    """File, tree, file, tree: nothing to write the second time, the same bytes, and no difference."""
    place.pushed()
    first, err = done(place.config("pull", "--from", place.reference, "-o", "pulled.yml"))
    assert first == ""
    assert err == f"{place.reference}: 2 jobs, 1 backend; written to pulled.yml\n"
    assert done(place.config("diff", place.file, place.reference)) == ("", "")
    assert done(place.config("diff", "pulled.yml", place.file)) == ("", "")
    out, _ = done(place.config("push", "pulled.yml", "--to", place.reference))
    assert out.endswith("nothing to write\n")
    again, _ = done(place.config("pull", "--from", place.reference))
    assert again == (place.folder / "pulled.yml").read_text()
    assert again.count("customer_id") == 1
    done(place.config("pull", "--from", place.reference, "-o", "dry.yml", "--dry-run"))
    assert not (place.folder / "dry.yml").exists()


def test_a_difference(place: Place) -> None:
    """What differs is shown by item, exit code 1; as JSON too."""
    place.pushed()
    place.file.write_text(place.file.read_text().replace("env:PAY_TOKEN", "env:NEW_TOKEN"))
    out, _ = done(place.config("diff", place.reference, place.file), 1)
    assert out.splitlines() == [
        f"--- {place.reference}: scrape_configs/pay",
        f"+++ {place.file}: scrape_configs/pay",
        "@@ -1,6 +1,6 @@",
        " job_name: pay",
        " authorization:",
        '-  credentials: "env:PAY_TOKEN"',
        '+  credentials: "env:NEW_TOKEN"',
        " static_configs:",
        "   - targets:",
        '       - "host-0.example:8080"',
    ]
    out, _ = done(place.config("diff", place.reference, place.file, "--json"), 1)
    found = json.loads(out)
    assert (found["equal"], [one["item"] for one in found["items"]]) == (False, ["scrape_configs/pay"])
    _, err = done(place.config("diff", place.file, f"ssm:{next(STAGES)}"), 2)
    assert "no configuration there" in err


def test_validate(place: Place) -> None:
    """A file and a tree are checked; every problem has its place; duplicates and rules are looked at."""
    out, _ = done(place.config("validate", "pushvar.yml"))
    assert ", 2 jobs, 402 targets, 1 backend; 0 problems; 0 warnings\n" in out
    place.pushed()
    found = json.loads(done(place.config("validate", place.reference, "--json"))[0])
    assert (found["jobs"], found["targets"]) == (["pay", "web shop"], 402)
    (place.folder / "wrong.yml").write_text(
        "scrape_configs:\n- {job_name: a, static_configs: [{targets: ['h:1']}], file_sd_configs: [{files: [t.yml, no.yml]}]}\n"
        "mappings: {unused: []}\n"
    )
    (place.folder / "t.yml").write_text("- targets: ['h:1', 'h:2']\n")
    out, _ = done(place.config("validate", "wrong.yml"), 1)
    assert out.splitlines()[:-1] == [
        "problem: t.yml[0]: target h:1 of job a has the same labels as http://h:1/debug/vars; give one of them a label that tells them apart",
        "warning: no.yml: no such file or folder; check the path",
        "warning: remote_write: no backend to send to: pushvar run refuses this; add a remote_write or a pushgateways block with a url",
        "warning: mappings.unused: no job uses it; add it to a job's mappings",
    ]
    (place.folder / "wrong.yml").write_text("scrape_configs: [{job: a}, {job_name: b, scheme: x}]\n")
    found = json.loads(done(place.config("validate", "wrong.yml", "--json"), 1)[0])
    assert [one["path"] for one in found["problems"]] == [
        "scrape_configs[0].job_name",
        "scrape_configs[0].job",
        "scrape_configs[1].scheme",
    ]
    done(place.config("validate", "nothing.yml"), 2)
    done(place.config("validate", f"ssm:{next(STAGES)}"), 2)
    out, _ = done(place.config("validate", "-", input="scrape_configs: [{job_name: a}]"))
    assert "warning: scrape_configs: no target" in out
    done(place.config("validate", "-", "--strict", input="scrape_configs: [{job_name: a}]"), 1)


def test_half_of_a_push_is_a_warning(place: Place) -> None:
    """A tree that does not match its manifest is told as such, by validate and by pull."""
    place.pushed()
    place.aws.client("ssm").put_parameter(
        Name=f"{place.location}/config/scrape_configs/new", Value="{}", Type="String"
    )
    out, _ = done(place.config("validate", place.reference))
    assert "warning: manifest: missing, or of another tree" in out
    _, err = done(place.config("pull", "--from", place.reference, "-o", "pulled.yml"))
    assert "does not match its manifest" in err


def test_import_into_a_tree(place: Place) -> None:
    """Findings stop a push unless --lenient; a dry run writes nothing; standard input is a file too."""
    theirs = place.folder / "prometheus.yml"
    theirs.write_text(
        "rule_files: [a]\nscrape_configs:\n- {job_name: a, static_configs: [{targets: ['h:1']}]}\n"
        "- {job_name: b, bearer_token: hunter2}\n"
    )
    out, err = done(place.config("import", theirs, "--to", place.reference), 1)
    assert "a dry run: nothing was written" in out
    assert "nothing was pushed: see above, and add --lenient" in err
    done(place.config("pull", "--from", place.reference), 2)
    done(place.config("import", theirs, "--to", place.reference, "--lenient", "--dry-run"))
    done(place.config("pull", "--from", place.reference), 2)
    out, err = done(place.config("import", theirs, "--to", place.reference, "--lenient"))
    assert out.endswith("written\n")
    assert f"{theirs}:1:1: rule_files: skipped\n" in err
    text, _ = done(place.config("import", "-", "--lenient", input=theirs.read_text()))
    assert "hunter2" not in text + out + err
    (place.folder / "imported.yml").write_text(text)
    assert done(place.config("diff", "imported.yml", place.reference)) == ("", "")
    found = json.loads(done(place.config("import", theirs, "--json"), 1)[0])
    assert (found["jobs"], len(found["findings"]), len(found["skipped"])) == (["a", "b"], 1, 1)
    assert "hunter2" not in json.dumps(found)
    both = place.config("import", theirs, "-o", "x.yml", "--to", place.reference)
    assert "keep one" in done(both, 2)[1]


def test_who_changed_what(place: Place) -> None:
    """The log has each parameter with its version; of one parameter, every version."""
    place.pushed()
    place.file.write_text(place.file.read_text().replace("30s", "15s"))
    place.pushed()
    found = json.loads(done(place.config("log", place.reference, "--json"))[0])["parameters"]
    versions = {one["name"]: one["version"] for one in found}
    assert (versions["global"], versions["scrape_configs/pay"], versions["manifest"]) == (2, 1, 2)
    out, _ = done(place.config("log", place.reference, "global"))
    assert [line.split()[2] for line in out.splitlines()[1:]] == ["2", "1"]
    assert "no configuration there" in done(place.config("log", f"ssm:{next(STAGES)}"), 2)[1]
    done(place.config("log", place.reference, "nothing"), 2)


def test_the_schema_is_printed(place: Place) -> None:
    """``config schema`` prints a JSON schema."""
    found = json.loads(done(place.config("schema"))[0])
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
