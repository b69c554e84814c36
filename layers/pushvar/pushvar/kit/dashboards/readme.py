"""The page beside the dashboards: what each shows, how its choices depend on each other, what it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.kit.dashboards.flavours import INPUT
from pushvar.kit.dashboards.look import edges
from pushvar.kit.series_names import families, recorded
from pushvar.kit.settings import span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pushvar.kit.dashboards.words import Board, Panel
    from pushvar.kit.settings import KitSettings

_TOP = """\
# Dashboards

Made by `pushvar kit dashboards`: change `pushvar/kit/dashboards`, not these files.

| dashboard | file | uid | shows |
|---|---|---|---|
"""

_USE = """
## Bring them into Grafana

They are for Grafana 11 and later, and a data source that speaks Prometheus. There are three ways:

- **Provisioning**: `provisioning.yml` and `datasource.yml` go into Grafana's folders `provisioning/dashboards` and
  `provisioning/datasources`, the `*.json` of this folder into the path that `provisioning.yml` names. Leave the
  folder `import` out: Grafana reads subfolders too, and would find each uid twice.
- **API**: `PUSHVAR_GRAFANA_TOKEN=... pushvar kit dashboards --push https://grafana.example.org --folder Pushvar
  --create-folder --verify`. The token is one of a service account with the role Editor. A dashboard that is there
  already is replaced and moved to that folder. This is tested against a server that answers as Grafana's API is
  documented, not against Grafana itself.
- **By hand**: `import/*.json` ask for their data source (`{INPUT}`). Only the import page fills it in; such files may
  not be provisioned or posted.

**Set the data source's "Scrape interval"** (`timeInterval`) to the interval of your configuration, here {interval}:
`$__rate_interval` is made of it, and rates over less than four intervals have holes. Fixed windows in the dashboards
are at least four intervals of the configuration that they were made from (`--config`).

## Choices, and what is asked

{chain}

Each choice offers only what the ones before it leave, and is asked again when the time range changes. "All" is the
pattern `.*`: it takes series that lack a label, too. All panels of a dashboard select by all its choices, but where a
metric has no such label (an audit knows no job).

Links at the top lead to the other dashboards with all choices and the time range. In panels a click on a series or a
cell goes one level down: tenants, then the runtime of its processes, then Explore. `--link "TITLE=URL"` adds links of
your own to the panels of single instances:

| to | URL |
|---|---|
| Loki | `/explore?schemaVersion=1&panes={{"a":{{"datasource":"loki","queries":[{{"refId":"A","expr":"{{job=\\"${{__field.labels.job}}\\"}}"}}],"range":{{"from":"${{__from}}","to":"${{__to}}"}}}}}}` |
| Tempo | `/explore?schemaVersion=1&panes={{"a":{{"datasource":"tempo","queries":[{{"refId":"A","queryType":"traceql","query":"{{resource.service.name=\\"${{__field.labels.job}}\\"}}"}}],"range":{{"from":"${{__from}}","to":"${{__to}}"}}}}}}` |
| Jaeger | `https://jaeger.example.org/search?service=${{__field.labels.job}}&start=${{__from}}000&end=${{__to}}000` |
| CloudWatch Logs Insights | `https://console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:logs-insights$3FqueryDetail$3D~(start~-3600~end~0~timeType~'RELATIVE~unit~'seconds~editorString~'filter*20*40message*20like*20*22${{__field.labels.instance}}*22~source~(~'LOG-GROUP))` |

Data sources, regions, hosts and groups in them are examples; none of them was tried here.
"""  # noqa: E501 - URLs


def readme(boards: Sequence[Board], settings: KitSettings) -> str:
    """The page as Markdown."""
    listed = "".join(
        f"| [{one.title}](#{_anchor(one.title)}) | `{one.name}.json` | `{one.uid}` | {one.text} |\n"
        for one in boards
    )
    chain = "\n".join(
        f"- {one.title}: data source{''.join(f' → `{v.label}`' for v in one.variables)}" for one in boards
    )
    use = _USE.format(INPUT=INPUT, interval=span(round(settings.interval_s)), chain=chain)
    return _TOP + listed + use + "".join(line + "\n" for one in boards for line in _board(one))


def _board(board: Board) -> Iterator[str]:
    yield f"\n## {board.title}\n"
    yield "| row | panel | kind | unit | colours | asks |"
    yield "|---|---|---|---|---|---|"
    for row in board.rows:
        for index, panel in enumerate(row.panels):
            yield _line("" if index else row.title, panel)


def _line(row: str, panel: Panel) -> str:
    limit = "" if panel.threshold is None else edges(panel.threshold)
    asking = "\n".join(query.expr for query in panel.queries)
    asked = ", ".join(f"`{name}`" for name in (*families(asking), *recorded(asking)))
    return f"| {row} | {panel.title} | {panel.kind} | {panel.unit} | {limit} | {asked} |"


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")
