"""Registry entries -> targets: relabelled, final labels, one key for each identity, duplicates refused.

The order of the steps is Prometheus' (scrape/target.go, PopulateLabels): the labels of the group, what the
scrape config adds, relabel_configs, the address checked, ``instance`` from it, ``__*`` removed. The
tenant labels come last.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from pushvar.config import grammar, web
from pushvar.errors import ConfigError
from pushvar.labels.derivation import derivation
from pushvar.labels.relabel import compile_relabelling
from pushvar.labels.sets import label_set
from pushvar.model import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pushvar.collect.registry.protocol import TargetGroup
    from pushvar.config.schema import Config, ScrapeConfig

_KEY_CHARS = 20
_PARAM = "__param_"
_RESERVED = "__"


class Dropped(NamedTuple):
    """A target that relabel_configs leave out: its job, the place of its group, its address."""

    job: str
    source: str
    address: str


class Built(NamedTuple):
    """All targets of a snapshot, what had to be refused of it, and what its own rules leave out."""

    targets: tuple[Target, ...]
    refused: tuple[ConfigError, ...]
    dropped: tuple[Dropped, ...]


def build_targets(config: Config, groups: Iterable[TargetGroup]) -> Built:
    """All targets of a snapshot.

    Refused are targets that cannot be fetched as their labels say, and the second of two with equal
    labels: they would write the same series; the first one stays.
    """
    jobs = {scrape.job_name: scrape for scrape in config.scrape_configs}
    targets: dict[str, Target] = {}
    refused: list[ConfigError] = []
    dropped: list[Dropped] = []
    for group in groups:
        for address in group.addresses:
            try:
                target = _build(config, jobs[group.job], address, dict(group.labels))
            except ConfigError as error:
                refused.append(_unusable(group, address, error))
                continue
            if target is None:
                dropped.append(Dropped(group.job, group.source, address))
                continue
            known = targets.setdefault(target.key, target)
            if known is not target:
                refused.append(_duplicate(group, address, known))
    return Built(tuple(targets.values()), tuple(refused), tuple(dropped))


def build_target(config: Config, scrape: ScrapeConfig, address: str, registry: Mapping[str, str]) -> Target:
    """One target: its labels relabelled, then the tenant labels.

    ``job`` and ``instance`` are the scrape config's name and the address unless the registry or a step
    sets them. Raises ConfigError for a result that is no target: its path is the label at fault, or
    ``relabel_configs`` when they drop it.
    """
    target = _build(config, scrape, address, registry)
    if target is None:
        raise ConfigError("relabel_configs", f"job {scrape.job_name} drops {address}")
    return target


def _build(config: Config, scrape: ScrapeConfig, address: str, registry: Mapping[str, str]) -> Target | None:
    """As ``build_target``, but None for a target that relabel_configs drop."""
    labels = _discovered(scrape, address, registry)
    relabelling = compile_relabelling(scrape.relabel_configs)
    if relabelling is not None:
        relabelled = relabelling.apply(dict(sorted(labels.items())))
        if relabelled is None:
            return None
        labels = relabelled
    if relabelling is not None or any(name.startswith(_RESERVED) for name in registry):
        _check(labels, address)
    own = {name: value for name, value in labels.items() if not name.startswith(_RESERVED)}
    address = web.with_port(labels["__address__"], labels["__scheme__"])
    own["instance"] = own.get("instance") or address
    service = own.get("job") or scrape.job_name
    final = label_set(derivation(config.tenancy).labels(own, service).items())
    return Target(_key(final), scrape.job_name, _url(scrape, address, labels), final)


def _discovered(scrape: ScrapeConfig, address: str, registry: Mapping[str, str]) -> dict[str, str]:
    """The labels of a target before any step, those among them that steer its scrape."""
    return {
        "job": scrape.job_name,
        "__scrape_interval__": str(scrape.scrape_interval),
        "__scrape_timeout__": str(scrape.scrape_timeout),
        "__metrics_path__": scrape.metrics_path,
        "__scheme__": scrape.scheme,
        **{name: value for name, value in registry.items() if value},
        "__address__": address,
        **{_PARAM + name: values[0] for name, values in scrape.params if values},
    }


def _check(labels: Mapping[str, str], address: str) -> None:
    """Raise ConfigError for labels that make no target: what steps made is checked as what people write."""
    if labels.get("__address__") != address:
        _read("__address__", labels, web.address)
    _read("__metrics_path__", labels, web.metrics_path)
    _read("__scheme__", labels, _scheme)
    for name in labels:
        if not name.startswith(_RESERVED):
            _read(name, {name: name}, grammar.label_name)


def _read(name: str, labels: Mapping[str, str], as_written: Callable[[str], str]) -> None:
    try:
        as_written(labels.get(name, ""))
    except ConfigError as error:
        raise ConfigError(name, error.problem) from None


def _scheme(value: str) -> str:
    if value not in {"http", "https"}:
        raise grammar.refused(f"{grammar.quoted(value)} is not http or https")
    return value


def _url(scrape: ScrapeConfig, address: str, labels: Mapping[str, str]) -> str:
    """The URL that the labels say; a parameter's label replaces the first of its values."""
    params = {name: [*values] for name, values in scrape.params}
    for name, value in sorted(labels.items()):
        if name.startswith(_PARAM):
            params.setdefault(name.removeprefix(_PARAM), [""])[:1] = [value]
    query = urlencode([(name, value) for name, values in params.items() for value in values])
    return f"{labels['__scheme__']}://{address}{labels['__metrics_path__']}" + (f"?{query}" if query else "")


def _key(labels: Iterable[tuple[str, str]]) -> str:
    text = json.dumps([*labels])  # no separator of one's own: a value may hold any character
    return hashlib.sha256(text.encode()).hexdigest()[:_KEY_CHARS]


def _unusable(group: TargetGroup, address: str, error: ConfigError) -> ConfigError:
    return ConfigError(
        group.source,
        f"target {address} of job {group.job}: {error.path}: {error.problem}",
        hint="mend its labels or the relabel_configs of its job",
    )


def _duplicate(group: TargetGroup, address: str, known: Target) -> ConfigError:
    return ConfigError(
        group.source,
        f"target {address} of job {group.job} has the same labels as {known.url}",
        hint="give one of them a label that tells them apart",
    )
