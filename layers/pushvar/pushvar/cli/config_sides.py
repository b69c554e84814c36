"""A configuration that a command names: a file, or a tree of parameters, read once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from pushvar.cli.registries import parameter_tree
from pushvar.cli.tables import reading

if TYPE_CHECKING:
    from pushvar.config.diff import Side
    from pushvar.config.tree import Tree

_SCHEME = "ssm:"


class Pulled(NamedTuple):
    """A tree that was read, and whether it is as its manifest says."""

    tree: Tree
    settled: bool


def tree_of(reference: str, option: str = "--from") -> Pulled:
    """The tree of a reference; what may be half of a change is told on standard error."""
    from pushvar.config.tree import read_tree

    place = parameter_tree(reference, option, "write ssm:/pushvar/<stage>")
    with reading() as progress:
        stored = place.read_some(progress)
    if not stored.settled:
        said = "does not match its manifest: a push is under way, was cut off, or somebody wrote past it"
        click.secho(f"warning: {reference} {said}", err=True, fg="yellow")
    return Pulled(read_tree(stored.items, place.prefix), stored.settled)


def side_of(reference: str) -> Side:
    """The file or tree of a reference, for a comparison."""
    from pushvar.config.diff import Side
    from pushvar.config.pulled import whole

    if reference.startswith(_SCHEME):
        tree = tree_of(reference, "REF").tree
        return Side(reference, whole(tree), tree.config)
    from pushvar.collect.registry.file import text_of
    from pushvar.config.document import parse
    from pushvar.config.load import checked
    from pushvar.config.problems import Problems

    path = reference.removeprefix("file:")
    root = parse(text_of(path), path)
    return Side(path, root, checked(root, Problems(path)))
