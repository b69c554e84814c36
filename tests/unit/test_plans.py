"""Plans by layout: the same bytes as those of a plan that is put together series by series."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pushvar.convert import layouts
from pushvar.convert.layouts import Layouts
from pushvar.convert.plan import Stamp, compile_plan, labelled_rows
from pushvar.labels.sets import label_set
from pushvar.model import Family, Labels, MetricType, Plan, Row, Shape, Target
from pushvar.wire.remote_write import v1
from pushvar.wire.remote_write.layout import SIZES, compile_layout
from pushvar.wire.remote_write.packed import labels_of, series_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.wire.remote_write.layout import Layout, Series

TIME_MS = 1_795_173_629_844

# few names, so that rows and targets meet; some stand before __name__, some are guarded
own_names = st.sampled_from(
    ["Zone", "__lead__", "_under", "a", "code", "exported_job", "instance", "job", "path", "region", "z"]
)  # fmt: skip
target_names = st.sampled_from(
    ["customer_id", "env", "exported_code", "instance", "job", "pod", "region", "service_domain", "zone"]
)
any_names = own_names | target_names
values = st.sampled_from(["", "a", "b", "ü€", "x" * 90, "y" * 130, "\ud800", "?"])
names = st.sampled_from(["m", "m_total", "up_time", "n" * 130, "a:b"])
own_labels = st.dictionaries(any_names, values.filter(bool), max_size=4).map(
    lambda pairs: tuple(sorted(pairs.items()))
)


def shape_of(series: list[tuple[str, Labels]]) -> Shape:
    """A shape of these series, each name a family."""
    families = tuple(Family(name, MetricType.GAUGE) for name in dict.fromkeys(name for name, _ in series))
    places = {family.name: place for place, family in enumerate(families)}
    rows = tuple(Row(name, places[name], labels, name, "test") for name, labels in series)
    return Shape(families, rows, _nothing, _nothing, _nothing)


def _nothing(_: object) -> NoReturn:
    raise TypeError("these shapes come from no document")


shapes = st.lists(st.tuples(names, own_labels), max_size=12, unique=True).map(shape_of)


@st.composite
def stamps(draw: st.DrawFn, of_names: st.SearchStrategy[str] = target_names) -> Stamp:
    """A stamp with labels of any names: of the configuration, of the target, of a group that was pushed."""
    labels = draw(st.dictionaries(of_names, values, max_size=6))
    external = draw(st.dictionaries(of_names, values.filter(bool), max_size=3))
    key = draw(st.sampled_from(["key", "group/key"]))
    target = Target(key, "job", "", tuple(sorted(labels.items())))
    return Stamp(target, label_set(external.items()), honor=draw(st.booleans()))


def same(one: Plan, other: Plan) -> None:
    """Two plans send the same bytes and tell the same of themselves."""
    values = struct.pack(f"<{one.template.count}d", *range(one.template.count))
    assert one.template.label_sets == other.template.label_sets
    assert one.template.pack(values, TIME_MS) == other.template.pack(values, TIME_MS)
    own = (1, None, 3)[: one.template.count]
    assert one.template.pack(values, TIME_MS, own) == other.template.pack(values, TIME_MS, own)
    assert one.template.offsets == other.template.offsets
    assert one.template.fingerprint == other.template.fingerprint
    assert one.template.created == other.template.created
    assert (one.select is None) == (other.select is None)
    assert replace(one, template=other.template, select=other.select) == other


@given(shapes, st.lists(stamps(), min_size=1, max_size=3))
def test_a_layout_changes_no_byte(shape: Shape, targets: list[Stamp]) -> None:
    """Whatever the labels are, and whoever was there before: each plan is that of the plain way."""
    for stamp in targets:
        plain = compile_plan(stamp, shape, again=False)
        for _ in range(3):  # the first plan of a kind makes no layout, the second does, the third finds it
            same(compile_plan(stamp, shape), plain)


@given(shapes, stamps(any_names))
def test_a_layout_changes_no_byte_when_names_meet(shape: Shape, stamp: Stamp) -> None:
    """The same where rows and target say the same names, some of them before ``__name__``."""
    compile_plan(stamp, shape)
    same(compile_plan(stamp, shape), compile_plan(stamp, shape, again=False))


@given(shapes, stamps())
def test_plans_send_what_people_are_shown(shape: Shape, stamp: Stamp) -> None:
    """The bytes, taken apart, are the rows and labels that are shown in words."""
    compile_plan(stamp, shape)
    template = compile_plan(stamp, shape).template
    packed = series_of(template.pack(bytes(8 * template.count), TIME_MS))
    shown = [label_set((*labels, ("__name__", row.name))) for row, labels in labelled_rows(stamp, shape)]
    assert [labels_of(one) for one in packed] == [
        tuple((name, value.replace("\ud800", "?")) for name, value in labels) for labels in shown
    ]


SHAPE = shape_of([("m", ()), ("m", (("code", "200"),)), ("n", (("code", "200"), ("path", "/")))])


def target(number: int, **labels: str) -> Stamp:
    """A target like others, with more labels."""
    own = {"instance": f"10.0.0.1:{number}", "job": "pay", **labels}
    return Stamp(Target(str(number), "pay", "", label_set(own.items())), (("region", "eu"),))


def test_a_shape_is_laid_out_once_for_targets_with_the_same_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new target whose kind is known only brings its labels; another set of names is another layout."""
    made = []

    def counted(rows: Sequence[Series], names: Sequence[str]) -> Layout | None:
        made.append(names)
        return compile_layout(rows, names)

    monkeypatch.setattr(layouts, "compile_layout", counted)
    shape = replace(SHAPE, rows=(*SHAPE.rows, Row("only_here", 0, (), "", "test")))
    for number in range(100, 120):
        compile_plan(target(number), shape)
        compile_plan(target(number, pod=f"orders-{number}"), shape)
    assert made == [["instance", "job", "region"], ["instance", "job", "pod", "region"]]
    alike = replace(shape, rows=(*shape.rows,))
    compile_plan(target(120), alike)
    assert len(made) == 2  # there may be no second target with these rows
    compile_plan(target(121), alike)
    assert len(made) == 3


def test_a_plan_keeps_few_bytes_of_its_own() -> None:
    """What does not depend on the target, and what its rows have in common, is there once."""
    _, one, other = (compile_plan(target(number), SHAPE).template for number in (200, 201, 202))
    assert isinstance(one, v1.Pieces)
    assert isinstance(other, v1.Pieces)
    (heads, ends), (other_heads, _) = one._columns, other._columns
    assert heads is other_heads
    assert len({*map(id, ends)}) == 2
    assert one.count == 8


def test_rows_with_little_in_common_are_whole_pieces() -> None:
    """Where each row has labels of its own behind the target's, cutting it would save nothing."""
    shape = shape_of([("m", (("path", f"/{number}"),)) for number in range(20)])
    _, template = (compile_plan(target(number), shape).template for number in (299, 300))
    assert isinstance(template, v1.Pieces)
    assert len(template._columns) == 1
    same(compile_plan(target(300), shape), compile_plan(target(300), shape, again=False))


@pytest.mark.parametrize(
    ("names", "rows"),
    [
        (["job"], [("m", (), ()), ("m", (), ())]),
        (["job"], [("m", ("code",), ("200",)), ("m", ("job",), ("x",))]),
        (["job"], [("m", ("__name__",), ("n",))]),
        (["job"], [("m", ("code",), ("",))]),
        (["Zone", "job"], [("m", (), ())]),
        (["__name__"], [("m", (), ())]),
        ([], [("m", (), ())]),
        (["job"], []),
    ],
)
def test_what_has_no_layout(names: list[str], rows: list[Series]) -> None:
    """Where the order of labels is not the whole truth, plans are put together series by series."""
    assert compile_layout(rows, names) is None


def test_only_so_many_layouts_are_kept() -> None:
    """Beyond the limit all are forgotten; a shape that is larger than that is never kept."""
    kept = Layouts(row_limit=10)
    stamp, names = target(1), ("region", "instance", "job")
    shapes = [replace(SHAPE, rows=(*SHAPE.rows, Row(f"n{number}", 0, (), "", "test"))) for number in range(3)]
    assert [kept.find(stamp, shape, names) for shape in shapes[:2]] == [None, None]
    first, second = (kept.find(stamp, shape, names) for shape in shapes[:2])
    assert first is not None
    assert second is not None
    assert kept.find(stamp, shapes[0], names) is first
    assert kept.find(stamp, shapes[1], names) is second
    assert kept.find(stamp, shapes[2], names) is None
    assert kept.find(stamp, shapes[0], names) is None
    small = Layouts(row_limit=4)
    assert [small.find(stamp, shapes[0], names) for _ in range(3)] == [None] * 3


def test_labels_of_many_sizes() -> None:
    """Beginnings are kept for so many sizes of labels; forgetting them changes nothing."""
    layout = compile_layout([("m", (), ()), ("n", ("code", "z"), ("200", "9"))], ["job"])
    assert layout is not None
    for size in [*range(2 * SIZES + 1), 5]:
        job = v1.label("job", "x" * size)
        name = v1.label("__name__", "m")
        labels = v1.label("__name__", "n") + v1.label("code", "200") + job + v1.label("z", "9")
        assert layout.template([job]).label_sets == (name + job, labels)


def test_one_series() -> None:
    """A group that a job pushed may have a single series, and no health series."""
    stamp = Stamp(Target("group/1", "job", "", (("job", "j"),)))
    shape = shape_of([("m", ())])
    compile_plan(stamp, shape)
    template = compile_plan(stamp, shape).template
    assert template.label_sets == (v1.label("__name__", "m") + v1.label("job", "j"),)
