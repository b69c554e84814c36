"""Whatever the document: it loads, or it is refused with problems that say where. Nothing else happens."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect
from pushvar.config.keys import keys_of, unwrapped
from pushvar.config.load import load, load_groups
from pushvar.config.schema import Config, Tenancy
from pushvar.config.values import Block
from pushvar.errors import ConfigErrors

EXAMPLE = (Path(__file__).parents[2] / "examples" / "pushvar.yml").read_text("utf-8")
SECRET = "hunter2hunter2"
LITERAL = (
    "scrape_configs: [{job_name: a, basic_auth: {username: u, password: hunter2hunter2}}]\n"
    "remote_write: [{url: http://a, authorization: {type: Bearer, credentials: hunter2hunter2}}]\n"
)
PLACE = re.compile(r"p\.yml:\d+:\d+")

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["15s", "8MB", "a:1", "http://a/b", "env:A", "file:b", "<<", "gold", "/x", "auto", "0"]),
)
documents = st.recursive(
    scalars,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=6), below, max_size=3),
    max_leaves=20,
)


def _schema_like(block: type[Block]) -> st.SearchStrategy[object]:
    """Mappings with the keys of a block, each with something of the right structure or with anything."""
    fields: dict[str, st.SearchStrategy[object]] = {}
    for name, key in keys_of(block).items():
        leaf = unwrapped(key.type)
        many = isinstance(leaf.type, inspect.VarTupleType)
        inner = unwrapped(leaf.type.item_type).type if many else leaf.type
        values: st.SearchStrategy[object] = scalars
        if isinstance(inner, inspect.StructType) and issubclass(inner.cls, Block):
            values = _schema_like(inner.cls)
        fields[name] = st.one_of(st.lists(values, max_size=2) if many else values, documents)
    return st.fixed_dictionaries({}, optional=fields)


def _loads_or_refuses(text: str) -> None:
    try:
        config = load(text, source="p.yml", directory="etc")
    except ConfigErrors as refused:
        assert refused.problems  # noqa: PT017 one of the two allowed ends
        for problem in refused.problems:
            assert PLACE.fullmatch(problem.place)
            assert problem.problem
        return
    assert msgspec.json.decode(msgspec.json.encode(config), type=Config) == config
    assert len({job.job_name for job in config.scrape_configs}) == len(config.scrape_configs)
    assert config.scrape_configs or config.gateway.is_open
    assert all(job.scrape_timeout <= job.scrape_interval for job in config.scrape_configs)
    names = [one.name for one in config.remote_write] + [one.name for one in config.pushgateways]
    assert len(set(names)) == len(names)


@settings(deadline=None)
@given(st.text())
def test_any_text(text: str) -> None:
    """Any text at all."""
    _loads_or_refuses(text)


@settings(deadline=None)
@given(st.text(alphabet="abc:-{}[]&*<>!|#'\"\\\n ~", max_size=60))
def test_any_yaml_punctuation(text: str) -> None:
    """Texts made of what means something in YAML."""
    _loads_or_refuses(text)


@settings(deadline=None)
@given(documents)
def test_any_document(document: object) -> None:
    """Any structure, written as YAML and as JSON."""
    _loads_or_refuses(yaml.safe_dump(document, allow_unicode=True))
    _loads_or_refuses(json.dumps(document))


@settings(max_examples=200, deadline=None)
@given(_schema_like(Config))
def test_any_values_under_the_right_keys(document: object) -> None:
    """The right keys with any values: every reader and every check is reached."""
    _loads_or_refuses(yaml.safe_dump(document))


@settings(deadline=None)
@given(st.integers(0, len(EXAMPLE) - 1), st.integers(0, 3), st.text(alphabet="a:-{}[]&*'\"\n\t ", max_size=3))
def test_any_slip_in_a_right_document(start: int, length: int, typed: str) -> None:
    """A right document with a few characters lost, added or changed somewhere."""
    _loads_or_refuses(EXAMPLE[:start] + typed + EXAMPLE[start + length :])


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([LITERAL.index(SECRET), LITERAL.rindex(SECRET)]),
    st.integers(-15, 50),
    st.integers(0, 3),
    st.text(alphabet="a:-{}[]&*!|'\"\n ,#", max_size=2),
)
def test_no_slip_shows_a_secret(secret: int, before: int, length: int, typed: str) -> None:
    """A literal secret is not shown, whatever slip stands around it."""
    start = secret - before
    text = LITERAL[:start] + typed + LITERAL[start + length :]
    try:
        load(text, source="p.yml")
    except ConfigErrors as refused:
        assert SECRET not in str(refused)  # noqa: PT017 a refusal is the usual end


@settings(deadline=None)
@given(st.lists(documents, max_size=3), st.booleans())
def test_any_target_groups(groups: list[object], strict: bool) -> None:  # noqa: FBT001 an argument of the property
    """Any file of target groups loads or is refused in the same way."""
    try:
        load_groups(json.dumps(groups), source="p.yml", tenancy=Tenancy(strict=strict))
    except ConfigErrors as refused:
        assert all(PLACE.fullmatch(problem.place) for problem in refused.problems)  # noqa: PT017
