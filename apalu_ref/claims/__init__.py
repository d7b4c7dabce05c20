"""What the paper claims of APALU, and what comes of it when it is tested.

:func:`table` computes every row when it is asked for; nothing in it was typed in. The claims are
those of arXiv 2402.08244, in this project's words.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Verdict = Literal["holds", "holds under a condition", "does not hold", "open"]


@dataclass(frozen=True)
class Finding:
    """What a test found.

    Attributes
    ----------
    verdict : str
    evidence : str
        The numbers it rests on.
    condition : str
        Under which the claim holds, if it does under one.
    """

    verdict: Verdict
    evidence: str
    condition: str = ""


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    claim: str
    tested: str
    verdict: Verdict
    evidence: str
    condition: str = ""

    def as_json(self) -> dict[str, str]:
        """For ``json.dumps``."""
        return asdict(self)


@dataclass(frozen=True)
class Claim:
    """A claim and the test it is put to."""

    text: str
    tested: str
    test: Callable[[], Finding]


def table(
    studies: str | Path | None = None, progress: Callable[[str], None] | None = None
) -> list[Row]:
    """Test every claim.

    Parameters
    ----------
    studies : path, optional
        A folder with the results of studies: each study's ``claim.json``, in a folder of its name,
        is what the rows on accuracy rest on. Default: the results that come with the package, at
        quick scale. A row is open whose studies are not all there.
    progress : callable, optional
        Called with each claim before it is tested.

    Returns
    -------
    list of Row

    Raises
    ------
    ValueError
        If there is no such folder, or a study's file in it is damaged; the message names it.
    """
    if studies is not None and not Path(studies).is_dir():
        raise ValueError(f"there is no folder {studies} with the results of studies")
    from apalu_ref.claims.evidence import CLAIMS, STUDIES
    from apalu_ref.studies.catalogue import KEPT

    rows = []
    for claim in CLAIMS:
        if progress is not None:
            progress(claim.text)
        found = claim.test()
        rows.append(Row(claim.text, claim.tested, found.verdict, found.evidence, found.condition))
    for text, names in STUDIES:
        rows.append(_by_studies(text, names, Path(studies or KEPT)))
    return rows


def _by_studies(text: str, names: tuple[str, ...], folder: Path) -> Row:
    tested = "studies " + ", ".join(names)
    found = {n: _result(n, folder) for n in names}
    there = {n: r for n, r in found.items() if r is not None}
    missing = [n for n in names if n not in there]
    said = [f"{n}: {r['evidence']}" for n, r in there.items()]
    for n in missing:
        begun = (folder / n).is_dir()
        said.append(f"{n}: begun and not finished" if begun else f"{n}: not run")
    verdicts = {r["verdict"] for r in there.values()}
    verdict: Any = "open"
    if not missing and len(verdicts) == 1:
        verdict = verdicts.pop()
    elif not missing and verdicts & {"holds", "holds under a condition"}:
        verdict = "holds under a condition"
        said.append("not in all of these studies")
    elif not missing:
        verdict = "does not hold"
        said.append("worse in some of these studies, better in none")
    condition = "some of what was tried, see there" if "condition" in verdict else ""
    return Row(text, tested, verdict, "; ".join(said), condition)


def _result(name: str, folder: Path) -> dict[str, str] | None:
    for file in ("claim.json", "results.json"):
        path = folder / name / file
        if not path.is_file():
            continue
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
            verdicts = ("holds", "holds under a condition", "does not hold", "open")
            if result["verdict"] not in verdicts or not isinstance(result["evidence"], str):
                raise ValueError
        except (ValueError, KeyError, TypeError):
            raise ValueError(
                f"{path} is no result of a study: run `apalu-ref study {name}` again"
            ) from None
        return {"verdict": result["verdict"], "evidence": result["evidence"]}
    return None
