"""Lists of targets as other tools keep them: file_sd documents and CSV, read into rows and written from them.

A CSV has a header: ``target``, then ``job`` if there are several, then the names of labels; an empty cell is
no label. What is wrong is told with its line. Nothing here knows which targets there are already.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from pushvar.config import grammar, web
from pushvar.config.grammar import quoted
from pushvar.config.load import load_groups
from pushvar.errors import ConfigError, ConfigErrors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pushvar.config.schema import Tenancy
    from pushvar.model import Labels

TARGET, JOB = "target", "job"


class Row(NamedTuple):
    """One target: where its list has it, the job that gets it, address, labels (sorted, none empty)."""

    place: str
    job: str
    address: str
    labels: Labels


def read_file_sd(text: str, *, source: str, job: str, tenancy: Tenancy) -> tuple[Row, ...]:
    """The rows of a file_sd document, JSON or YAML, all for one job.

    Raises ConfigErrors with every problem.
    """
    rows: list[Row] = []
    for position, group in enumerate(load_groups(text, source=source, tenancy=tenancy)):
        labels = tuple(pair for pair in group.labels if pair[1])
        rows += [Row(f"{source}[{position}]", job, address, labels) for address in group.targets]
    return tuple(rows)


def read_csv(text: str, *, source: str, job: str) -> tuple[Row, ...]:
    """The rows of a CSV; ``job`` is that of rows that name none. Raises ConfigErrors with every problem."""
    records = _records(text, source)
    line, header = next(records, (1, []))
    problems: list[ConfigError] = []
    names = _names(header, f"{source}:{line}")
    rows: list[Row] = []
    for line, record in records:
        place = f"{source}:{line}"
        try:
            rows.append(_row(place, names, record, job))
        except ConfigError as error:
            problems.append(ConfigError("", error.problem, hint=error.hint, place=place))
    if problems:
        raise ConfigErrors(problems)
    return tuple(rows)


def refuse_twice(rows: Iterable[Row], scheme: str) -> None:
    """Raise ConfigErrors that name every row of a job which says the same as one before it.

    The job's ``scheme`` says which port an address without one has.
    """
    first: dict[tuple[str, Labels], Row] = {}
    problems = []
    for row in rows:
        other = first.setdefault((web.with_port(row.address, scheme), row.labels), row)
        if other is not row:
            problem = f"{row.address} of job {row.job} stands at {other.place} too"
            problems.append(ConfigError("", problem, hint="keep one", place=row.place))
    if problems:
        raise ConfigErrors(problems)


def _records(text: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """Every record that is not blank, with the line on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for record in reader:
            if record:
                yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise ConfigErrors([ConfigError("", f"not CSV: {error}", place=f"{source}:{line}")]) from None


def _names(header: Sequence[str], place: str) -> list[str]:
    names = [name.strip() for name in header]
    problems = []
    if TARGET not in names:
        hint = "begin with a line such as target,job,customer_id; commas between the columns"
        problems.append(ConfigError("", "no column is named target", hint=hint, place=place))
    for column, name in enumerate(names, 1):
        try:
            if name != TARGET:
                grammar.label_name(name)
        except ConfigError as error:
            problems.append(
                ConfigError("", f"column {column}: {error.problem}", hint=error.hint, place=place)
            )
        if name in names[: column - 1]:
            problems.append(ConfigError("", f"two columns are named {quoted(name)}", place=place))
    if problems:
        raise ConfigErrors(problems)
    return names


def _row(place: str, names: Sequence[str], record: Sequence[str], job: str) -> Row:
    if len(record) != len(names):
        raise grammar.refused(f"{len(record)} cells, the header has {len(names)}")
    cells = dict(zip(names, record, strict=True))
    address, named = web.address(cells.pop(TARGET).strip()), cells.pop(JOB, "").strip() or job
    if not named:
        raise grammar.refused("no job", "name one in the column job, or with --job")
    return Row(place, named, address, tuple(sorted(pair for pair in cells.items() if pair[1])))


def csv_of(rows: Iterable[Row]) -> str:
    """The rows as CSV, with a column for every label that any of them has.

    Raises ConfigError for a label that would be taken for another column.
    """
    rows = tuple(rows)
    names = sorted({name for row in rows for name, _value in row.labels})
    for name in {TARGET, JOB}.intersection(names):
        raise ConfigError("", f"a label is named {name}, as is a column", hint="write file_sd or yaml")
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([TARGET, JOB, *names])
    for row in rows:
        labels = dict(row.labels)
        writer.writerow([row.address, row.job, *(labels.get(name, "") for name in names)])
    return text.getvalue()


def groups_of_rows(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The rows as file_sd groups, one for each set of labels, in the order of their first targets."""
    groups: dict[Labels, list[str]] = {}
    for row in rows:
        groups.setdefault(row.labels, []).append(row.address)
    return [{"targets": addresses, "labels": dict(labels)} for labels, addresses in groups.items()]


def file_sd_of(rows: Iterable[Row]) -> str:
    """The rows as a file_sd document in JSON."""
    return json.dumps(groups_of_rows(rows), indent=1, ensure_ascii=False) + "\n"


def yaml_of(rows: Iterable[Row]) -> str:
    """The rows as a file_sd document in YAML."""
    text: str = yaml.safe_dump(groups_of_rows(rows), sort_keys=False, allow_unicode=True)
    return text
