"""Lists of targets: CSV and file_sd read with their lines, written, and worked into a job."""
# ruff: noqa: E501 - a message stands on one line, as people see it

from __future__ import annotations

import pytest
from pushvar.config.document import parse
from pushvar.config.emit import emit
from pushvar.config.merge import merged
from pushvar.config.nodes import MappingNode
from pushvar.config.schema import Tenancy
from pushvar.config.target_lists import Row, csv_of, file_sd_of, read_csv, read_file_sd, refuse_twice, yaml_of
from pushvar.errors import ConfigErrors

ROWS = (
    Row("", "pay", "10.0.0.1:80", (("env", "prod"), ("note", 'a,"b"\nc'))),
    Row("", "shop", "[::1]:80", ()),
    Row("", "pay", "h", (("env", " é "),)),
)
JOB = "{job_name: pay, static_configs: [{targets: [a, 'b:1'], labels: {env: prod, x: ''}}, {targets: [c]}]}"


def said(rows: tuple[Row, ...]) -> list[tuple[object, ...]]:
    """The rows without their places."""
    return sorted(row[1:] for row in rows)


def test_csv_comes_back() -> None:
    """What is written as CSV is read as the same rows, quotes, line breaks and all."""
    assert said(read_csv(csv_of(ROWS), source="t.csv", job="")) == said(ROWS)


@pytest.mark.parametrize("write", [file_sd_of, yaml_of])
def test_file_sd_comes_back(write: object) -> None:
    """The same for file_sd in JSON and YAML, of one job."""
    assert callable(write)
    rows = tuple(row._replace(job="pay") for row in ROWS)
    tiers = Tenancy()
    assert said(read_file_sd(write(rows), source="t", job="pay", tenancy=tiers)) == said(rows)


def test_rows_know_their_lines() -> None:
    """A row knows the line on which it begins; blank lines and the spaces around addresses say nothing."""
    text = 'job,target,a\r\n\r\np, h:1 ,"x\ny"\r\n,i,\r\n'
    assert read_csv(text, source="t.csv", job="q") == (
        Row("t.csv:3", "p", "h:1", (("a", "x\ny"),)),
        Row("t.csv:5", "q", "i", ()),
    )


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["t.csv:1: no column is named target; begin with a line such as target,job,customer_id; commas between the columns"]),
        ("target;job\na;b\n", ["t.csv:1: no column is named target; begin with a line such as target,job,customer_id; commas between the columns", 't.csv:1: column 1: "target;job" is not a label name; write target_job']),
        ("target,a-b,a,a\n", ['t.csv:1: column 2: "a-b" is not a label name; write a_b', 't.csv:1: two columns are named "a"']),
        ("target,job\nh\nh:x,a\nh:1,\n", [
            "t.csv:2: 1 cells, the header has 2",
            't.csv:3: "h:x" is not host:port; write "10.0.1.5:8080" or "my-host:8080"',
            "t.csv:4: no job; name one in the column job, or with --job",
        ]),
        ('target,job\na,"b\n', ["t.csv:2: not CSV: unexpected end of data"]),
    ],
)  # fmt: skip
def test_every_problem_has_its_line(text: str, problems: list[str]) -> None:
    """All problems of a CSV come at once, each with its line."""
    with pytest.raises(ConfigErrors) as raised:
        read_csv(text, source="t.csv", job="")
    assert str(raised.value).split("\n") == problems


def test_a_target_stands_there_twice() -> None:
    """Two rows that say the same are named with both their lines."""
    rows = read_csv("target,job\nh,a\nh,b\nh:80,a\n", source="t.csv", job="")[::2]
    with pytest.raises(ConfigErrors, match=r"t\.csv:4: h:80 of job a stands at t\.csv:2 too; keep one"):
        refuse_twice(rows, "http")


def test_labels_named_like_columns() -> None:
    """A label that CSV would take for its job is refused rather than lost."""
    with pytest.raises(Exception, match="a label is named job, as is a column; write file_sd or yaml"):
        csv_of([Row("", "a", "h", (("job", "x"),))])


def job() -> MappingNode:
    """A job with three targets in two groups."""
    node = parse(JOB, "t")
    assert isinstance(node, MappingNode)
    return node


@pytest.mark.parametrize("replace", [False, True])
def test_what_is_there_stays(replace: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A list of just the targets that a job has changes nothing, in any order, with ports or without."""
    prod = (("env", "prod"),)
    rows = [Row("", "pay", "c:80", ()), Row("", "pay", "b:1", prod), Row("", "pay", "a", prod)]
    node = job()
    assert merged(node, rows, "http", replace=replace) == (node, 0, 0, 3)


def test_new_targets_join_their_group() -> None:
    """New ones go to the group that has their labels, or to one new group; the rest stays or goes as asked."""
    rows = [
        Row("", "pay", "d:1", ()),
        Row("", "pay", "b:1", (("env", "prod"),)),
        Row("", "pay", "e", (("env", "dev"),)),
        Row("", "pay", "f", (("env", "dev"),)),
    ]
    kept = merged(job(), rows, "http", replace=False)
    assert kept[1:] == (3, 0, 1)
    assert emit(kept.node) == (
        '{job_name: pay, static_configs: [{targets: [a, "b:1"], labels: {env: prod, x: ""}},\n'
        '{targets: [c, "d:1"]},\n{targets: ["e", "f"], labels: {env: "dev"}}]}'
    )  # fmt: skip
    assert merged(job(), rows, "http", replace=True)[1:] == (3, 2, 1)
    assert emit(merged(job(), [], "http", replace=True).node) == "{job_name: pay, static_configs: []}"
