"""One benchmark by itself: ``python -m benchmarks.<name>`` is ``python -m benchmarks --only <name>``."""

from __future__ import annotations

import click


def command(name: str, doc: str) -> click.Command:
    """The command of a benchmark that ``parts`` lists under this name."""

    @click.command(help=doc, context_settings={"help_option_names": ["-h", "--help"]})
    @click.option("--quick", is_flag=True, help="Fewer rounds and smaller sizes: figures scatter more.")
    @click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
    @click.option("--markdown", is_flag=True, help="Tables as docs/performance.md has them.")
    @click.pass_context
    def main(context: click.Context, *, quick: bool, as_json: bool, markdown: bool) -> None:
        from benchmarks.__main__ import main as everything  # it knows this benchmark, so late

        context.invoke(everything, only=name, quick=quick, as_json=as_json, markdown=markdown)

    return main
