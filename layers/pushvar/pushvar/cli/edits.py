"""A change to the targets of a tree: read, edited, checked as a whole, and only then written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.cli.registries import parameter_tree
from pushvar.cli.tables import progress_bar, reading
from pushvar.collect.registry.ssm import groups_of
from pushvar.collect.targets import build_target, build_targets
from pushvar.config.nodes import ListNode, MappingNode, value_at
from pushvar.config.packing import with_item
from pushvar.config.tree import read_tree
from pushvar.config.web import with_port
from pushvar.errors import ConfigError, ConfigErrors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushvar.config.problems import Path
    from pushvar.config.schema import Config, ScrapeConfig
    from pushvar.config.tree import Tree
    from pushvar.model import Target

_JOBS = "scrape_configs"


def job_of(config: Config, name: str) -> ScrapeConfig:
    """The job of that name; raises ConfigError with the names that there are."""
    job = next((one for one in config.scrape_configs if one.job_name == name), None)
    if job is None:
        names = ", ".join(one.job_name for one in config.scrape_configs)
        raise ConfigError("--job", f"{name} is no job of this configuration", hint=f"it has {names}")
    return job


class Edit:
    """One change of one tree. Nothing is written before ``write``.

    Raises ConfigError for what is no tree, holds nothing, or may be half of another change.
    """

    def __init__(self, reference: str) -> None:
        self._place = parameter_tree(reference, "--registry", "edit the file")
        with reading() as progress:
            self._stored = self._place.read_some(progress)
        if self._stored.manifest and not self._stored.settled:
            raise ConfigError(
                "",
                f"{reference} does not match its manifest: a push is under way, was cut off, or somebody "
                "wrote past it",
                hint="push the whole configuration, or take the tree as it is: "
                f"delete {self._place.prefix}/manifest",
            )
        self._before = read_tree(self._stored.items, self._place.prefix)
        self._items: Mapping[str, str] = self._stored.items
        self._tree: Tree = self._before

    @property
    def config(self) -> Config:
        """The configuration with all changes so far."""
        return self._tree.config

    def jobs(self) -> list[tuple[ScrapeConfig, MappingNode]]:
        """The jobs and their nodes."""
        block = value_at(self._tree.root, _JOBS)
        nodes = block.items if isinstance(block, ListNode) else []
        pairs = zip(self.config.scrape_configs, nodes, strict=True)
        return [(job, node) for job, node in pairs if isinstance(node, MappingNode)]

    def replace(self, name: str, node: MappingNode) -> None:
        """Give a job another node. Raises ConfigErrors when the configuration may then not be used."""
        index = next(n for n, job in enumerate(self.config.scrape_configs) if job.job_name == name)
        path: Path = (_JOBS, index)
        self._items = with_item(self._items, self._tree, path, node)
        self._tree = read_tree(self._items, self._place.prefix)

    def replace_all(self, changed: Mapping[str, MappingNode]) -> None:
        """Give several jobs other nodes at once. Raises ConfigErrors as ``replace`` does.

        Also when two targets then have the same labels.
        """
        for index, job in enumerate(self.config.scrape_configs):
            if job.job_name in changed:
                self._items = with_item(self._items, self._tree, (_JOBS, index), changed[job.job_name])
        self._tree = read_tree(self._items, self._place.prefix)
        refused = build_targets(self.config, groups_of(self.config, self._tree.source_of)).refused
        if refused:
            raise ConfigErrors(refused)

    def targets(self, job: str) -> list[Target]:
        """The targets of a job with all changes so far."""
        found = build_targets(self.config, groups_of(self.config, self._tree.source_of)).targets
        return [target for target in found if target.job == job]

    def refuse_duplicates(self, name: str, addresses: Sequence[str], labels: Mapping[str, str]) -> None:
        """Raise ConfigErrors when one of the new targets would write the series of another one."""
        groups = groups_of(self._before.config, self._before.source_of)
        known = {target.key: target for target in build_targets(self._before.config, groups).targets}
        job = job_of(self.config, name)
        carried = {label: value for label, value in labels.items() if value}
        problems = []
        for address in addresses:
            target = build_target(self.config, job, with_port(address, job.scheme), carried)
            other = known.setdefault(target.key, target)
            if other is not target:
                problem = f"has the same labels as {other.url} of job {other.job}"
                problems.append(
                    ConfigError(address, problem, hint="it is there already, or needs a label of its own")
                )
        if problems:
            raise ConfigErrors(problems)

    def write(self) -> None:
        """Write what changed, and the manifest. Raises ConfigError when somebody else wrote meanwhile."""
        if self._place.value() != self._stored.manifest:
            where = f"ssm:{self._place.location}"
            raise ConfigError("", f"{where} was changed by somebody else just now", hint="do the same again")
        with progress_bar() as progress:
            self._place.write(self._stored, self._items, progress.done, progress.waits)
