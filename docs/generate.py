"""Writes the pages that say what the code says: `python docs/generate.py`. A test holds them to it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from retrain_assets.cli import main as cli
from retrain_assets.data.reasons import FILE_REASONS, ROW_REASONS
from retrain_assets.data.sketch import RELATIVE_ACCURACY
from retrain_assets.data.tables import TABLES
from retrain_assets.drift.distances import DISTANCES
from retrain_assets.orchestration import names
from retrain_assets.orchestration.specs import NODES
from retrain_assets.spec import GATES, TRIGGERS, ModelSpec, format_duration
from retrain_assets.spec.base import EnvReference, SpecModel
from retrain_assets.spec.fields import LeafField, leaf_fields

DOCS = Path(__file__).parent
_MADE = "<!-- made by docs/generate.py from the code: change it there -->\n\n"


def pages() -> dict[Path, str]:
    """Every generated file with its content."""
    return {
        DOCS / "declaration.md": _MADE + "\n".join(_declaration()),
        DOCS / "cli.md": _MADE + "\n".join(_cli()),
        DOCS / "tables.md": _MADE + "\n".join(_tables()),
        DOCS / "distances.md": _MADE + "\n".join(_distances()),
        DOCS / "declaration.schema.json": json.dumps(ModelSpec.model_json_schema(by_alias=True), indent=2) + "\n",
        DOCS / "graph.svg": graph(),
    }


def _declaration() -> Iterator[str]:
    yield "# Declaration\n"
    yield (
        "Everything that can be declared of a model, by its place in the YAML: `drift.bins` is the key `bins` in the\n"
        "group `drift`. A field without a default must be set. Durations have a unit (`90 minutes`, `1 week`); times\n"
        "are UTC; where a text may come from the environment, `{env: NAME}` stands for it. Unknown keys are refused,\n"
        "and `retrain-assets check` tells all mistakes at once. `retrain-assets schema` prints the same as a\n"
        "[JSON schema](declaration.schema.json), for editors.\n"
    )
    group = None
    for leaf in sorted(leaf_fields(), key=lambda each: "." in each.path):
        title, description = _group(leaf)
        if title != group:
            group = title
            yield f"\n## {title}\n"
            yield f"{description}\n"
            yield "| field | values | default | meaning |\n|---|---|---|---|"
        meaning = (leaf.info.description or "").replace("|", "\\|").replace("\n", " ")
        yield f"| `{leaf.path}` | {_values(leaf)} | {_default(leaf)} | {meaning} |"
    yield "\n## Triggers\n"
    yield "The conditions of `retrain.when`. What cannot be known is neither true nor false and never retrains.\n"
    yield "| trigger | it fires when |\n|---|---|"
    yield from (f"| `{name}` | {meaning} |" for name, meaning in TRIGGERS.items())
    yield "\n## Gates\n"
    yield "The conditions of `promote.require`.\n"
    yield "| gate | it passes when |\n|---|---|"
    yield from (f"| `{name}` | {meaning} |" for name, meaning in GATES.items())
    yield ""


def _group(leaf: LeafField) -> tuple[str, str]:
    head, *rest = leaf.path.split(".")
    if not rest:
        return "The model", (ModelSpec.__doc__ or "").strip()
    title = {"source": f"source: {rest[0]}", "schema": "schema: columns"}.get(head, head)
    return title, (leaf.owner.__doc__ or "").strip().splitlines()[0] if head in ("source", "schema") else _doc(head)


def _doc(head: str) -> str:
    fields = {info.alias or name: info for name, info in ModelSpec.model_fields.items()}
    models = [each for each in _flat(fields[head].annotation) if isinstance(each, type) and issubclass(each, SpecModel)]
    return (models[0].__doc__ or "").strip().splitlines()[0]


def _flat(annotation: Any) -> Iterator[Any]:
    inner = get_args(annotation)
    if get_origin(annotation) is Annotated:
        yield from _flat(inner[0])  # behind the type stand its validators
    elif get_origin(annotation) in (None, dict, tuple, Literal) or not inner:
        yield annotation
    else:
        for each in inner:
            yield from _flat(each)


def _values(leaf: LeafField) -> str:
    said = dict.fromkeys(_word(each) for each in _flat(leaf.info.annotation))
    return " or ".join(word for word in said if word)


def _word(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    if origin is tuple:
        return f"list of {' or '.join(dict.fromkeys(_word(each) for each in _flat(get_args(annotation)[0])))}"
    if origin is dict:
        return "mapping"
    words: dict[Any, str] = {
        str: "text", int: "whole number", float: "number", bool: "true, false", timedelta: "duration", type(None): "",
        EnvReference: "`{env: NAME}`", Any: "anything",
    }  # fmt: skip
    if annotation in words:
        return words[annotation]
    name = getattr(annotation, "__name__", "")
    return {"datetime": "time", "BudgetSpec": "`N per PERIOD`"}.get(name, "a source" if name.endswith("Source") else "")


def _default(leaf: LeafField) -> str:
    if leaf.required:
        return "**must be set**"
    value = leaf.default
    if isinstance(value, timedelta):
        return f"`{format_duration(value)}`"
    if not value and not isinstance(value, (bool, int, float)):
        return ""
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{text}`".replace("|", "\\|")


def _cli() -> Iterator[str]:
    yield "# Command line\n"
    yield "What `retrain-assets --help` and the help of each command say.\n"
    # As a shell would make them: a context that is only constructed knows nothing of the settings.
    context = cli.make_context("retrain-assets", [], resilient_parsing=True, terminal_width=100)
    yield f"```text\n{cli.get_help(context)}\n```\n"
    for name, command in sorted(cli.commands.items()):
        inner = command.make_context(name, [], parent=context, resilient_parsing=True, terminal_width=100)
        yield f"## {name}\n"
        yield f"```text\n{command.get_help(inner)}\n```\n"


def _tables() -> Iterator[str]:
    yield "# Assets and tables\n"
    yield "![The asset graph of a model](graph.svg)\n"
    yield "| asset | made from | holds | job |\n|---|---|---|---|"
    for node in NODES:
        made_from = ", ".join(f"`{each}`" for each in node.made_from)
        yield f"| `{node.name}` | {made_from} | {node.description} | `{node.stage}` |"
    yield "\nAn arrow from `retrain_decision` to itself is its previous partition. `registry` is external: it is"
    yield "observed at each promotion. So is `replay_report`, made from `validated` and `labels`:"
    yield "`retrain-assets replay` shows its newest report there. All but `champion` are partitioned by batch.\n"
    yield "## Checks\n"
    yield "Each is a sentence that is true when the check is green. A check in bold blocks what comes after it.\n"
    yield "| asset | check | true when green |\n|---|---|---|"
    for node in NODES:
        for check, sentence in node.checks.items():
            name = f"**`{check}`**" if check in node.blocking else f"`{check}`"
            yield f"| `{node.name}` | {name} | {sentence} |"
    yield "\n## Tables\n"
    yield "Delta tables below `tables/<model>/<asset>`, one partition for each batch in the column `ra_batch`."
    yield "`validated` has the columns of your schema without the target and the leak columns, `ra_row_id` and"
    yield "`ra_reserved`.\n"
    for name, schema in TABLES.items():
        yield f"### {name}\n"
        yield "| column | type | may be null | meaning |\n|---|---|---|---|"
        for column, rules in schema().columns.items():
            null = "yes" if rules.nullable else ""
            yield f"| `{column}` | {rules.dtype or 'any'} | {null} | {rules.description or ''} |"
        yield ""
    yield "## Reasons in quarantine\n"
    for title, reasons in (("file", FILE_REASONS), ("row", ROW_REASONS)):
        yield f"| reason of a {title} | meaning |\n|---|---|"
        yield from (f"| `{code}` | {meaning} |" for code, meaning in reasons.items())
        yield ""


def _distances() -> Iterator[str]:
    yield "# Distances\n"
    yield (
        "What `drift.distance` and `compare(distance=...)` may name. p and q are the shares of the cells on both\n"
        "sides, after `smoothing` was added to each count. Numbers are compared over quantile cells of the\n"
        "reference, whose edges are edges of fine bins, so that a profile counts them as rows would. The distances\n"
        f"marked fine use all fine bins of a profile, whose middles are within {100 * RELATIVE_ACCURACY:g} % of their\n"
        "numbers (less close where a column spans more than 24 octaves), and say what that costs.\n\n"
        "The smoothing itself makes a distance between sides of very different sizes, also where their shares are the\n"
        "same: 2,000 rows of one category against 30 of it are at .146 by `jensen_shannon` and at .193 by `psi`,\n"
        "although nothing has changed. A floor below that holds nothing back there; the p-value does.\n"
    )
    yield "| distance | extremes | order of cells | symmetric | fine |\n|---|---|---|---|---|"
    for each in DISTANCES.values():
        said = " | ".join("yes" if part else "" for part in (each.ordered, each.symmetric, each.fine))
        yield f"| [{each.name}](#{each.name}) | {each.meaning} | {said} |"
    for each in DISTANCES.values():
        text, _, _ = (inspect.getdoc(type(each)) or "").partition(">>>")
        yield f"\n## {each.name}\n\n{text.strip()}"
    yield ""


_WIDE, _HIGH, _BOX = 196, 74, (158, 40)
_AT = {
    names.RAW: (0, 1), names.QUARANTINE: (1, 0), names.VALIDATED: (1, 1), names.LABELS: (1, 2), names.PROFILE: (2, 0),
    names.DRIFT_REPORT: (3, 0), names.PREDICTIONS: (3, 1), names.PERFORMANCE: (3, 2), names.REGISTRY: (2, 2.75),
    names.LABEL_REQUESTS: (4, 0), names.RETRAIN_DECISION: (4, 1),
    names.TRAINING_SET: (4, 2.6), names.CANDIDATE: (4, 3.7),
    names.EVALUATION_REPORT: (3, 3.7), names.CHAMPION: (1.7, 3.7),
}  # fmt: skip
_COLOURS = {"watch": "#2f6f8f", "settle": "#6b5b95", "decide": "#b0562d", "retrain": "#3b7a57", "external": "#6c757d"}


def graph() -> str:
    """The asset graph of one model as a picture."""
    stages = {node.name: node.stage for node in NODES} | {names.REGISTRY: "external"}
    size = f'width="{5 * _WIDE}" height="{int(4.6 * _HIGH) + 60}"'
    arrows = [_arrow(source, node.name) for node in NODES for source in node.made_from if source != node.name]
    boxes = [_box(name, stages[name]) for name in _AT]
    legend = "".join(
        f'<rect x="{20 + index * 130}" y="{int(4.6 * _HIGH) + 32}" width="12" height="12" rx="3" fill="{colour}"/>'
        f'<text x="{38 + index * 130}" y="{int(4.6 * _HIGH) + 42}" class="legend">{stage}</text>'
        for index, (stage, colour) in enumerate(_COLOURS.items())
    )
    style = (
        "text{font-family:-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;font-size:14px;fill:#fff;"
        "text-anchor:middle}.legend{fill:#333;text-anchor:start;font-size:13px}path{fill:none;stroke:#8a939b;"
        "stroke-width:1.6}.external{stroke-dasharray:5 4}"
    )
    marker = (
        '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" style="fill:#8a939b;stroke:none"/></marker></defs>'
    )
    title = "<title>The asset graph of one model; the colour is the job that makes the asset</title>"
    body = "\n".join([*arrows, *boxes])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{title}<style>{style}</style>{marker}\n'
        f'<rect width="100%" height="100%" rx="10" fill="#fbfbfa"/>\n{body}\n{legend}\n</svg>\n'
    )


def _centre(name: str) -> tuple[float, float]:
    column, row = _AT[name]
    return column * _WIDE + _WIDE / 2, row * _HIGH + 44


def _box(name: str, stage: str) -> str:
    x, y = _centre(name)
    width, height = _BOX
    dash = ' stroke="#333" stroke-dasharray="4 3"' if stage == "external" else ""
    return (
        f'<rect x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width}" height="{height}" rx="8" '
        f'fill="{_COLOURS[stage]}"{dash}/><text x="{x:g}" y="{y + 5:g}">{escape(name)}</text>'
    )


def _arrow(source: str, target: str) -> str:
    """A curve from border to border: sideways between columns, down within one."""
    (x1, y1), (x2, y2) = _centre(source), _centre(target)
    width, height = _BOX
    kind = ' class="external"' if source == names.REGISTRY else ""
    if abs(x1 - x2) < width:
        down = 1 if y2 > y1 else -1
        y1, y2 = y1 + down * height / 2, y2 - down * height / 2
        bend = (y2 - y1) / 2
        curve = f"M{x1:g} {y1:g} C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"
    else:
        right = 1 if x2 > x1 else -1
        x1, x2 = x1 + right * width / 2, x2 - right * width / 2
        y2 += 0 if source != names.REGISTRY else 11 if y2 < y1 else -11
        bend = (x2 - x1) / 2
        curve = f"M{x1:g} {y1:g} C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"
    return f'<path d="{curve}" marker-end="url(#end)"{kind}/>'


if __name__ == "__main__":
    for path, content in pages().items():
        path.write_text(content, encoding="utf-8")
