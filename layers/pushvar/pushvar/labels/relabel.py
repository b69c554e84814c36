"""Relabelling: a list of steps compiled into one object that rewrites or drops a label set. Pure.

The rules are Prometheus' own (model/relabel/relabel.go): each step sees what the one before it left,
an empty value is no label, a regular expression is RE2 and matches the whole text. Label names are
the legacy ones. What a step does to a text is remembered, as few texts come in many series.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pushvar.catalogue import LABEL_NAME
from pushvar.labels.template import compile_template

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pushvar.config.relabel import RelabelConfig

MEMORY = 4_096
"""Texts whose outcome one step remembers."""

COMPILED = 1_024
"""Blocks that are kept compiled."""


class Draft:
    """A label set at work. Labels that were set come last, in the order in which they were set first.

    So it is in Prometheus' labels.Builder; the order decides which of two labels wins that labelmap
    gives one name.
    """

    __slots__ = ("_added", "labels")

    def __init__(self, labels: Mapping[str, str]) -> None:
        self.labels = dict(labels)
        self._added: set[str] = set()

    def set(self, name: str, value: str) -> None:
        """Give the label this value; an empty one removes it."""
        if not value:
            self.remove(name)
            return
        if name not in self._added:
            self.labels.pop(name, None)
            self._added.add(name)
        self.labels[name] = value

    def remove(self, name: str) -> None:
        """Remove the label, if it is there."""
        self.labels.pop(name, None)
        self._added.discard(name)


Step = Callable[[Draft], bool]
"""Changes a draft; says whether the labelled thing is kept."""


class Relabelling:
    """Compiled steps, in their order."""

    __slots__ = ("_steps",)

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = tuple(steps)

    def apply(self, labels: Mapping[str, str]) -> dict[str, str] | None:
        """The labels after all steps, or None when a step drops what carries them.

        ``labels`` are taken in their order, which only labelmap can show; Prometheus has them sorted.
        """
        draft = Draft({name: _text(value) for name, value in labels.items() if value})
        for step in self._steps:
            if not step(draft):
                return None
        return draft.labels


@lru_cache(COMPILED)
def compile_relabelling(configs: tuple[RelabelConfig, ...]) -> Relabelling | None:
    """The steps of a ``*_relabel_configs`` block as one object, the same for equal ones; None for none.

    The steps are those of a checked configuration: their regular expressions compile.
    """
    steps = [_ACTIONS[config.action](config) for config in configs]
    return Relabelling(steps) if steps else None


def _text(value: str) -> str:
    """The text as it is sent: UTF-8 cannot say a lone surrogate, remote write makes it ``?``."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _joined(config: RelabelConfig) -> Callable[[Draft], str]:
    names, separator = config.source_labels, config.separator
    if len(names) == 1:
        return lambda draft: draft.labels.get(names[0], "")
    return lambda draft: separator.join([draft.labels.get(name, "") for name in names])


def _regexp(config: RelabelConfig) -> Any:
    import re2

    return re2.compile(f"^(?s:{config.regex})$")


def _matcher(config: RelabelConfig) -> Callable[[str], bool]:
    regexp = _regexp(config)
    return lru_cache(MEMORY)(lambda text: regexp.search(text) is not None)


def _replace(config: RelabelConfig) -> Step:
    regexp, source = _regexp(config), _joined(config)
    target, replacement = (
        compile_template(config.target_label, regexp),
        compile_template(config.replacement, regexp),
    )

    @lru_cache(MEMORY)
    def outcome(text: str) -> tuple[str, str] | None:
        match = regexp.search(text)
        name = target(match) if match is not None else ""
        return (name, replacement(match)) if LABEL_NAME.fullmatch(name) else None

    def step(draft: Draft) -> bool:
        found = outcome(source(draft))
        if found is not None:
            draft.set(*found)
        return True

    return step


def _keep(config: RelabelConfig) -> Step:
    matches, source = _matcher(config), _joined(config)
    return lambda draft: matches(source(draft))


def _drop(config: RelabelConfig) -> Step:
    matches, source = _matcher(config), _joined(config)
    return lambda draft: not matches(source(draft))


def _keep_equal(config: RelabelConfig) -> Step:
    source, name = _joined(config), config.target_label
    return lambda draft: draft.labels.get(name, "") == source(draft)


def _drop_equal(config: RelabelConfig) -> Step:
    source, name = _joined(config), config.target_label
    return lambda draft: draft.labels.get(name, "") != source(draft)


def _set_to(change: Callable[[RelabelConfig, str], str]) -> Callable[[RelabelConfig], Step]:
    """A step that sets the target label to what it makes of the source labels."""

    def make(config: RelabelConfig) -> Step:
        source = _joined(config)

        def step(draft: Draft) -> bool:
            draft.set(config.target_label, change(config, source(draft)))
            return True

        return step

    return make


def _hashmod(config: RelabelConfig, text: str) -> str:
    digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
    return str(int.from_bytes(digest[8:], "big") % config.modulus)


def _lower(_config: RelabelConfig, text: str) -> str:
    return "".join([char.lower()[:1] for char in text])  # letter by letter, as Go does: no final sigma


def _upper(_config: RelabelConfig, text: str) -> str:
    return text.upper() if text.isascii() else "".join(map(_upper_letter, text))


def _upper_letter(char: str) -> str:
    """One letter for one letter: a sharp s stays as it is, since only two letters would be its upper case."""
    return next((one for one in (char.upper(), char.title()) if len(one) == 1), char)


def _label_map(config: RelabelConfig) -> Step:
    regexp = _regexp(config)
    replacement = compile_template(config.replacement, regexp)

    @lru_cache(MEMORY)
    def renamed(name: str) -> str | None:
        match = regexp.search(name)
        return None if match is None else replacement(match)

    def step(draft: Draft) -> bool:
        for name, value in [*draft.labels.items()]:
            mapped = renamed(name)
            if mapped is not None:
                draft.set(mapped, value)
        return True

    return step


def _label_drop(config: RelabelConfig, *, matching: bool = True) -> Step:
    matches = _matcher(config)

    def step(draft: Draft) -> bool:
        for name in [name for name in draft.labels if matches(name) is matching]:
            draft.remove(name)
        return True

    return step


def _label_keep(config: RelabelConfig) -> Step:
    return _label_drop(config, matching=False)


_ACTIONS: dict[str, Callable[[RelabelConfig], Step]] = {
    "replace": _replace,
    "keep": _keep,
    "drop": _drop,
    "hashmod": _set_to(_hashmod),
    "labelmap": _label_map,
    "labeldrop": _label_drop,
    "labelkeep": _label_keep,
    "lowercase": _set_to(_lower),
    "uppercase": _set_to(_upper),
    "keepequal": _keep_equal,
    "dropequal": _drop_equal,
}
