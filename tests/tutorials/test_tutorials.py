"""Every tutorial runs as a script, quietly, and has the parts that all of them have."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = sorted((ROOT / "tutorials").glob("[0-9][0-9]_*.py"))

# Those that take more than 5 s; building the site runs them too.
LONG = {
    "05_train_a_cnn",
    "06_watch_a_and_b_learn",
    "07_signal_through_200_layers",
    "08_check_your_own",
    "09_make_numpy_fast",
    "10_design_your_own",
    "11_audit_a_paper",
    "12_learn_from_little_data",
    "13_find_defects",
}

each_tutorial = pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
each_run = pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=pytest.mark.slow) if p.stem in LONG else p for p in TUTORIALS],
    ids=lambda path: path.stem,
)


def headings(text):
    """The underlined lines of reStructuredText, with or without a comment sign before them."""
    return re.findall(r"^(?:# )?(\S.*)\n(?:# )?(?:={4,}|-{4,})$", text, flags=re.MULTILINE)


def test_there_are_tutorials_numbered_without_gaps():
    numbers = [int(path.name[:2]) for path in TUTORIALS]
    assert numbers == list(range(1, len(numbers) + 1))


@each_run
def test_runs_as_a_script_without_a_warning(path, tmp_path):
    environment = os.environ | {
        "MPLBACKEND": "Agg",
        # Two threads that share their cores with other tests would wait for each other.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    warnings = [
        "error",
        # Not ours: some Matplotlib releases use what a newer Python or a package deprecates,
        # and where there is a screen, showing a figure without a window is worth a warning.
        "default::DeprecationWarning",
        "ignore:FigureCanvasAgg is non-interactive:UserWarning",
    ]
    options = [option for warning in warnings for option in ("-W", warning)]
    ran = subprocess.run(
        [sys.executable, *options, str(path)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip(), "a reader at the terminal should see the key numbers"
    assert not list(tmp_path.iterdir()), "a tutorial leaves no files behind"


@each_tutorial
def test_has_the_parts_of_a_tutorial(path):
    source = path.read_text(encoding="utf-8")
    title, *before = headings(ast.get_docstring(ast.parse(source)))
    assert before == ["What you'll do", "What you'll learn", "What you need"]
    steps = headings(source)[1 + len(before) :]
    assert steps[-3:] == ["On your own", "Questions", "In practice"]
    numbered = [re.match(r"Step (\d+): ", step) for step in steps[:-3]]
    assert [match and int(match[1]) for match in numbered] == list(range(1, len(numbered) + 1))
    assert title
    assert numbered


@each_tutorial
def test_fits_in_a_head(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@each_tutorial
def test_is_part_of_a_course(path):
    source = path.read_text(encoding="utf-8")
    need = source[source.index("What you need") : source.index("import ")]
    assert re.search(r"\bAbout \d+ minutes; the script\s+itself runs for \d+ seconds?\.", need)
    assert "you should see" in source.lower()
    before, after = (
        next((p.stem for p in TUTORIALS if int(p.name[:2]) == int(path.name[:2]) + step), None)
        for step in (-1, 1)
    )
    assert before is None or f"<{before}>" in need
    assert after is None or f"<{after}>" in source[source.index("# In practice") :]


@each_tutorial
def test_has_questions_with_answers(path):
    source = path.read_text(encoding="utf-8")
    part = source[source.index("# Questions\n") : source.index("# In practice\n")]
    asked = re.findall(r"^# \*\*.+?(?=^#\n)", part, flags=re.MULTILINE | re.DOTALL)
    assert len(asked) in (2, 3)
    for question in asked:
        said, mark, answer = question.replace("\n# ", " ").partition("?")
        assert mark, said
        assert len(answer.split()) > 5, said


def test_the_quick_checks_of_the_paper_are_asked():
    text = "".join(
        re.sub(r"\n# ?", " ", path.read_text(encoding="utf-8")).lower() for path in TUTORIALS
    )
    assert "can one hidden layer of apalu approximate any continuous function" in text
    assert "differ over the pieces" in text
    assert "relu's" in text
