"""Keeps the results of studies: ``python tutorials/site/keep_results.py DIR [NAME ...]``.

From ``DIR/NAME/results.json``, which ``apalu-ref study`` wrote, the results and what they say on
the claim go into the package, and the figure to the page of the study, as they are drawn and said
now; of all studies that are there, or of those named.
"""

import io
import sys
from pathlib import Path

from PIL import Image  # it comes with Matplotlib

from apalu_ref.studies import NAMES, read, report
from apalu_ref.studies.catalogue import KEPT

PAGES = Path(__file__).parent / "studies"


def main(folder, *names):
    """Keep what is complete, and say so."""
    for name in names or NAMES:
        source = Path(folder) / name / "results.json"
        if not names and not source.is_file():
            continue
        results = read(source)  # a damaged one is not kept
        files = report.files(results)
        target = KEPT / name
        target.mkdir(parents=True, exist_ok=True)
        for file in ("results.json", "claim.json"):
            (target / file).write_text(files[file], encoding="utf-8")
        with Image.open(io.BytesIO(files["figure.png"])) as figure:
            # 256 colours take less than half of the space. Of the ways to choose them this one is
            # within 9 of 255 of every pixel; the default one made thin pink lines grey.
            few = figure.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE)
            few.save(PAGES / f"{name}.png", optimize=True)
        print(f"kept {name}, {results.scale} scale: {results.conclusion().verdict}")


if __name__ == "__main__":
    main(*sys.argv[1:])
