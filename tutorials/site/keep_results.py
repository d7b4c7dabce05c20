"""Keeps the results of studies: ``python tutorials/site/keep_results.py DIR [NAME ...]``.

From ``DIR/NAME``, where ``apalu-ref study`` wrote them, ``results.json`` and ``claim.json`` go into
the package and ``figure.png`` to the page of the study; all that are there, or those named.
"""

import shutil
import sys
from pathlib import Path

from PIL import Image  # it comes with Matplotlib

from apalu_ref.studies import NAMES, read
from apalu_ref.studies.catalogue import KEPT

PAGES = Path(__file__).parent / "studies"


def main(folder, *names):
    """Copy what is complete, and say so."""
    for name in names or NAMES:
        source = Path(folder) / name
        if not names and not (source / "results.json").is_file():
            continue
        results = read(source / "results.json")  # a damaged one is not kept
        target = KEPT / name
        target.mkdir(parents=True, exist_ok=True)
        for file in ("results.json", "claim.json"):
            shutil.copyfile(source / file, target / file)
        with Image.open(source / "figure.png") as figure:
            # 128 colours are enough for lines and dots, and take a third of the space.
            figure.convert("RGB").quantize(128).save(PAGES / f"{name}.png", optimize=True)
        print(f"kept {name}, {results.scale} scale: {results.conclusion().verdict}")


if __name__ == "__main__":
    main(*sys.argv[1:])
