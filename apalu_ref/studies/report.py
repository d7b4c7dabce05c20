"""The files of a finished study: table, figure, JSON, and what it says on the claim."""

from __future__ import annotations

import io
import json
import textwrap
from typing import Any

from apalu_ref.studies import tables
from apalu_ref.studies.results import Results
from apalu_ref.studies.store import Store


def write(results: Results, store: Store) -> None:
    """Write ``results.json``, ``table.txt``, ``figure.png`` and ``claim.json``, each atomically."""
    for name, content in files(results).items():
        store.write(name, content)


def files(results: Results) -> dict[str, str | bytes]:
    """The contents of these files."""
    record = results.as_json()
    claim = {
        "study": results.study.name,
        "scale": results.scale,
        "verdict": record["verdict"],
        "evidence": record["evidence"],
    }
    return {
        "results.json": dumps(record),
        "table.txt": tables.text(results),
        "figure.png": picture(results),
        "claim.json": dumps(claim),
    }


def picture(results: Results) -> bytes:
    """The study's figure as PNG."""
    figure = results.study.draw(results)
    # A figure of one panel is narrower than most titles.
    room = int(11 * figure.get_figwidth())
    title = f"{results.study.title} ({results.scale} scale)"
    figure.suptitle(textwrap.fill(title, room, break_on_hyphens=False), fontsize=11)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def dumps(record: dict[str, Any]) -> str:
    """JSON with a line for each run, so that it can be read and compared."""
    lines = []
    for key, value in record.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n".join("  " + _compact(v) for v in value)
            lines.append(f" {_compact(key)}: [\n{rows}\n ]")
        else:
            lines.append(f" {_compact(key)}: {_compact(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
