"""The registry in real files: what is read, when it is read again, and what a broken file may not do."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from pushvar.collect import registry, text_file
from pushvar.collect.registry import open_registry, schemes
from pushvar.collect.registry.file import FileRegistry
from pushvar.collect.registry.protocol import Snapshot, TargetGroup
from pushvar.errors import ConfigError, ConfigErrors

SCHEMES = "write file:PATH or ssm:/PATH; the schemes are: file, ssm"
LONG_AGO_S = 1_000_000_000
CONFIG = """\
scrape_configs:
  - job_name: pay
    static_configs:
      - targets: [10.0.0.1, "10.0.0.2:8080"]
        labels: { env: prod, zone: "", __meta_x: y }
  - job_name: orders
    scheme: https
    file_sd_configs: [{ files: ["targets/*.yml", "targets/one.json"], refresh_interval: 30s }]
"""


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        """The time in seconds."""
        return self.now_s


class Folder:
    """A folder with a configuration and a registry over it. Files look old, so that stamps are trusted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()
        self.registry = FileRegistry(str(path / "pushvar.yml"), monotonic=self.clock)
        self._written = 0

    def write(self, name: str, text: str) -> None:
        """Replace a file as programs do that care: write beside it, then rename."""
        target = self.path / name
        target.parent.mkdir(exist_ok=True)
        beside = target.with_suffix(".new")
        beside.write_text(text, "utf-8")
        self._written += 1
        os.utime(beside, (LONG_AGO_S, LONG_AGO_S + self._written))
        beside.rename(target)

    def load(self, *, after_s: float = 0.0) -> Snapshot:
        """What the registry gives after some time."""
        self.clock.now_s += after_s
        return self.registry.load()

    def addresses(self, snapshot: Snapshot, job: str = "orders") -> list[str]:
        """All addresses of a job."""
        return [address for group in snapshot.groups if group.job == job for address in group.addresses]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder with the configuration of this file and two files of targets."""
    made = Folder(tmp_path)
    made.write("pushvar.yml", CONFIG)
    made.write("targets/a.yml", "- targets: [a, b:1]\n  labels: {app.io/name: x}\n- targets: [c]\n")
    made.write("targets/one.json", json.dumps([{"targets": ["d:2"], "labels": {"customer_id": "cust-1"}}]))
    return made


def test_targets_of_all_sources(folder: Folder) -> None:
    """Static and file_sd groups come with ports, legal labels and where they stand."""
    snapshot = folder.load()
    targets = folder.path / "targets"
    first, second = (("__meta_filepath", str(targets / name)) for name in ("a.yml", "one.json"))
    assert snapshot.problems == ()
    assert snapshot.groups == (
        TargetGroup(
            "pay",
            "scrape_configs[0].static_configs[0]",
            ("10.0.0.1:80", "10.0.0.2:8080"),
            (("__meta_x", "y"), ("env", "prod")),
        ),
        TargetGroup("orders", f"{targets}/a.yml[0]", ("a:443", "b:1"), (first, ("app_io_name", "x"))),
        TargetGroup("orders", f"{targets}/a.yml[1]", ("c:443",), (first,)),
        TargetGroup("orders", f"{targets}/one.json[0]", ("d:2",), (second, ("customer_id", "cust-1"))),
    )


def test_nothing_changed_nothing_read(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unchanged files are not opened again, and the snapshot is the same object."""
    first = folder.load()
    monkeypatch.setattr(Path, "open", lambda *_args, **_more: pytest.fail("a file was opened"))
    assert folder.load(after_s=31) is first


def test_a_changed_configuration_is_a_new_snapshot(folder: Folder) -> None:
    """A replaced configuration gives new targets and a new version; the same text again does not."""
    first = folder.load()
    folder.write("pushvar.yml", CONFIG.replace("10.0.0.1", "10.0.0.3"))
    second = folder.load()
    assert folder.addresses(second, "pay")[0] == "10.0.0.3:80"
    assert second.version != first.version
    folder.write("pushvar.yml", CONFIG.replace("10.0.0.1", "10.0.0.3"))
    assert folder.load() is second


def test_comments_do_not_change_the_version(folder: Folder) -> None:
    """The version belongs to the content, not to the file."""
    first = folder.load()
    folder.write("pushvar.yml", CONFIG + "# a comment\n")
    assert folder.load().version == first.version


def test_a_fresh_write_is_not_missed(tmp_path: Path) -> None:
    """Two writes within a tick of the clock, of the same size, in the same file, are both seen."""
    path = tmp_path / "pushvar.yml"
    path.write_text(CONFIG, "utf-8")
    opened = FileRegistry(str(path))
    stamp_ns = time.time_ns()
    os.utime(path, ns=(stamp_ns, stamp_ns))
    opened.load()
    path.write_text(CONFIG.replace("10.0.0.1", "10.0.0.9"), "utf-8")
    os.utime(path, ns=(stamp_ns, stamp_ns))
    assert opened.load().groups[0].addresses[0] == "10.0.0.9:80"


def test_refresh_interval_is_honoured(folder: Folder) -> None:
    """Files of targets are looked at when their refresh_interval has passed, not before."""
    folder.load()
    folder.write("targets/b.yml", "- targets: [new]\n")
    assert "new:443" not in folder.addresses(folder.load(after_s=29))
    assert "new:443" in folder.addresses(folder.load(after_s=1))


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ("- targets: [x", "a [ is not closed"),
        ("", "the document is empty"),
        ("- targets: ['http://x/y']", "a target is host:port"),
        ("- targets: [x]\n  labels: {sla_tier: best}", "is not a tier"),
        ("targets: [x]", "expected a list"),
    ],
)
def test_a_broken_file_keeps_its_previous_content(folder: Folder, broken: str, problem: str) -> None:
    """A file of targets that cannot be used changes no targets, is reported, and heals at the next look."""
    first = folder.load()
    folder.write("targets/a.yml", broken)
    second = folder.load(after_s=30)
    assert second.groups == first.groups
    assert second.version == first.version
    assert problem in str(second.problems[0])
    assert second.problems[0].place.startswith(f"{folder.path}/targets/a.yml:")
    assert folder.load(after_s=1) is second
    folder.write("targets/a.yml", "- targets: [healed]\n")
    third = folder.load(after_s=1)
    assert third.problems == ()
    assert folder.addresses(third) == ["healed:443", "d:2"]


def test_a_broken_file_from_the_start_has_no_targets(folder: Folder) -> None:
    """Without previous content a broken file adds nothing and stops nothing."""
    folder.write("targets/a.yml", "- target: [x]\n")
    snapshot = folder.load()
    assert folder.addresses(snapshot) == ["d:2"]
    assert [problem.path for problem in snapshot.problems] == ["[0].target", "[0].targets"]


def test_a_file_that_is_gone_takes_its_targets(folder: Folder) -> None:
    """A deleted file has no targets; one that the configuration names without * is missed aloud."""
    folder.load()
    (folder.path / "targets/a.yml").unlink()
    (folder.path / "targets/one.json").unlink()
    snapshot = folder.load(after_s=30)
    assert folder.addresses(snapshot) == []
    assert [str(problem) for problem in snapshot.problems] == [
        f"{folder.path}/targets/one.json: no such file or folder; check the path"
    ]
    folder.write("targets/one.json", '[{"targets": ["back"]}]')
    assert folder.addresses(folder.load()) == ["back:443"]


def test_a_folder_that_is_gone_takes_its_targets(folder: Folder) -> None:
    """A pattern in a folder that does not exist is reported, and looked for every time."""
    folder.load()
    (folder.path / "targets").rename(folder.path / "away")
    snapshot = folder.load(after_s=30)
    assert folder.addresses(snapshot) == []
    assert str(snapshot.problems[0]) == f"{folder.path}/targets: no such file or folder; check the path"
    (folder.path / "away").rename(folder.path / "targets")
    assert len(folder.addresses(folder.load())) == 4


def test_a_folder_that_cannot_be_listed_keeps_its_files(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the file system is no reason to forget targets."""
    first = folder.load()

    def refuse(_path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", refuse)
        snapshot = folder.load(after_s=30)
    assert snapshot.groups == first.groups
    assert str(snapshot.problems[0]).endswith(
        "targets: cannot be read (Permission denied); let this user read it"
    )
    assert folder.load().problems == ()


def test_a_file_that_cannot_be_read_keeps_its_content(folder: Folder) -> None:
    """What is not a file any more, too large or not UTF-8 keeps the previous targets."""
    first = folder.load()
    path = folder.path / "targets/a.yml"
    path.write_bytes(b"- targets: [x]\n# \xff\n")
    latin = folder.load(after_s=30)
    path.unlink()
    path.mkdir()
    turned = folder.load()
    assert first.groups == latin.groups == turned.groups
    assert str(latin.problems[0]) == f"{path}:2: not UTF-8; save the file as UTF-8"
    assert str(turned.problems[0]) == f"{path}: not a regular file; give the path of a file"


def test_other_tenancy_rules_forget_what_the_old_ones_allowed(folder: Folder) -> None:
    """Under strict tenancy no target without a customer_id stays, not even as previous content."""
    folder.load()
    static = 'targets: [10.0.0.1, "10.0.0.2:8080"]\n        labels: { env: prod,'
    assert static in CONFIG
    strict = CONFIG.replace(static, static + " customer_id: c,") + "tenancy: { strict: true }\n"
    folder.write("pushvar.yml", strict)
    snapshot = folder.load()
    assert folder.addresses(snapshot) == ["d:2"]
    assert "targets without a customer_id" in str(snapshot.problems[0])


def test_a_file_named_twice_counts_once(folder: Folder) -> None:
    """A file that two patterns of a job find gives its targets once."""
    folder.write("pushvar.yml", CONFIG.replace("targets/one.json", "targets/a.yml"))
    assert folder.addresses(folder.load()) == ["a:443", "b:1", "c:443"]


def test_a_refused_configuration(folder: Folder) -> None:
    """A configuration that may not be used is refused at every load until it is mended."""
    folder.load()
    folder.write("pushvar.yml", CONFIG.replace("scheme: https", "schema: https"))
    for _ in range(2):
        with pytest.raises(ConfigErrors, match=r"pushvar.yml:7:5: .*schema: unknown; did you mean scheme\?"):
            folder.load()
    folder.write("pushvar.yml", CONFIG)
    assert len(folder.addresses(folder.load())) == 4


def test_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration that cannot be read is an error that says what to do."""
    monkeypatch.setattr(text_file, "MAX_BYTES", 4)
    (tmp_path / "large.yml").write_text("a: bcd", "utf-8")
    (tmp_path / "plain").write_text("", "utf-8")
    for name, message in (
        ("none.yml", "no such file or folder; check the path"),
        ("", "not a regular file; give the path of a file"),
        ("large.yml", "larger than 4 bytes; use several files"),
        ("plain/x.yml", "cannot be read (Not a directory); check the path"),
    ):
        path = tmp_path / name
        with pytest.raises(ConfigError) as refused:
            FileRegistry(str(path)).load()
        assert str(refused.value) == f"{path}: {message}"


def test_relative_paths_begin_at_the_configuration(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the process runs does not matter; a bare file name works too."""
    monkeypatch.chdir(folder.path.parent)
    elsewhere = FileRegistry(f"{folder.path.name}/pushvar.yml").load()
    assert folder.addresses(elsewhere) == ["a:443", "b:1", "c:443", "d:2"]
    monkeypatch.chdir(folder.path)
    here = FileRegistry("pushvar.yml").load()
    assert [group.source for group in here.groups][1:3] == ["targets/a.yml[0]", "targets/a.yml[1]"]


@pytest.mark.parametrize("prefix", ["", "file:"])
def test_a_reference_opens_a_file(folder: Folder, prefix: str) -> None:
    """A path opens a file registry, with and without the scheme."""
    assert open_registry(f"{prefix}{folder.path}/pushvar.yml").load() == folder.load()


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("s3:a/b", f"s3:a/b: no registry has the scheme s3; {SCHEMES}"),
        ("protocol:x", f"protocol:x: no registry has the scheme protocol; {SCHEMES}"),
        ("parameters:/x", f"parameters:/x: no registry has the scheme parameters; {SCHEMES}"),
        ("", "no configuration is named; give a file, such as pushvar.yml"),
        ("file:", "no configuration is named; give a file, such as pushvar.yml"),
    ],
)
def test_a_reference_that_opens_nothing(reference: str, message: str) -> None:
    """An unknown scheme is refused with those that are there, and nothing else is imported."""
    with pytest.raises(ConfigError) as refused:
        open_registry(reference)
    assert str(refused.value) == message


def test_every_scheme_is_a_registry() -> None:
    """Each module that counts as a scheme has the function that opens it."""
    for scheme in schemes():
        module = __import__(f"{registry.__name__}.{scheme}", fromlist=["registry"])
        assert callable(module.registry)


def test_a_file_of_many_targets_is_cheap(tmp_path: Path) -> None:
    """A thousand groups are read in well under a second, and looked at in well under a millisecond each."""
    groups = [
        {"targets": [f"host-{index}:80"], "labels": {"customer_id": f"c{index}"}} for index in range(1000)
    ]
    (tmp_path / "t.json").write_text(json.dumps(groups), "utf-8")
    path = tmp_path / "pushvar.yml"
    path.write_text("scrape_configs: [{job_name: a, file_sd_configs: [{files: [t.json]}]}]", "utf-8")
    opened = FileRegistry(str(path))
    begun_s = time.process_time()
    assert len(opened.load().groups) == 1000
    read_s = time.process_time() - begun_s
    for _ in range(10):
        opened.load()
    assert read_s < 1
    assert time.process_time() - begun_s - read_s < 0.5
