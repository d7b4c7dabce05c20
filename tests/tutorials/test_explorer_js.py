"""The explorer's numbers, computed by Node: the formula, and what the page says of a and b."""

import json
import math
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from apalu_ref import apalu, apalu_grad, formula
from apalu_ref.check import check
from apalu_ref.properties import report
from apalu_ref.vectors import PATH

TUTORIALS = Path(__file__).resolve().parents[2] / "tutorials"
FOLDER = TUTORIALS / "site" / "explorer"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed")

X = [0.0, -0.0, *(s * n for n in (1e-300, 1e-9, 0.3, 1.0, 2.5, 30.0, 700.0) for s in (1, -1))]
PAIRS = [(1, 1), (1, 1.5), (1, 2.05), (1, 2.15), (0.5, 2), (2, -1), (-1, 0.5), (-1, -1), (-0.4, -2)]
PAIRS += [(0.6, 0.9), (1, 0), (-1, 0), (0, 1), (0, -1)]

SCRIPT = """
const [A, F] = ["apalu.js", "facts.js"].map((name) => require(process.argv[1] + "/" + name));
const [xs, pairs] = JSON.parse(process.argv[2]);
const text = (key, value) => (value === Infinity ? "inf" : value === -Infinity ? "-inf" : value);
const at = (a, b) => xs.map((x) => {
  const { dx, da, db } = A.gradients(x, a, b, -0.5);
  return [A.f(x, a, b), A.slope(x, a, b), dx, da, db];
});
const single = xs.map((x) => [A.du(x), A.v(x), A.dv(x)]);
const all = pairs.map(([a, b]) => ({ at: at(a, b), facts: F.facts(a, b), words: F.words(a, b) }));
const numbers = [0, -0, 1, -2.5, 0.00012, 0.0000123, -1e-7, 1 / 3, Infinity].map(F.number);
console.log(JSON.stringify({ all, single, numbers, peak: F.PEAK, unit: F.UNIT }, text));
"""


def asked(folder=FOLDER):
    data = json.dumps([X, PAIRS])
    done = subprocess.run(
        [NODE, "-e", SCRIPT, str(folder), data], capture_output=True, check=True, timeout=60
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def page():
    return asked()


@cache
def card(a, b):
    return report(f"apalu(a={a}, b={b})")


def require_formula(page):
    x = np.array(X)
    for (a, b), got in zip(PAIRS, page["all"], strict=True):
        slope = apalu_grad(x, float(a), float(b), np.ones_like(x))[0]
        da, db = (np.where(on, s * -0.5, 0) for on, s in (
            (x >= 0, formula.u(np.maximum(x, 0))), (x < 0, formula.v(np.minimum(x, 0))),
        ))  # fmt: skip
        wanted = (apalu(x, float(a), float(b)), slope, -0.5 * slope, da, db)
        np.testing.assert_allclose(np.array(got["at"]).T, wanted, rtol=1e-14)
    # On the other side they may be anything.
    du, v, dv = np.array(page["single"], float).T
    for got, want, on in ((du, formula.du, x >= 0), (v, formula.v, x < 0), (dv, formula.dv, x < 0)):
        np.testing.assert_allclose(got[on], want(x[on]), rtol=1e-14)


def require_facts(page):
    for pair, got in zip(PAIRS, page["all"], strict=True):
        facts, known = got["facts"], card(*pair)
        near = {
            "E f": "mean", "E f²": "second", "gain": "gain", "Lipschitz constant": "lipschitz",
        }  # fmt: skip
        for name, mine in near.items():
            assert facts[mine] == pytest.approx(known[name], rel=1e-9), (pair, name)
        assert 2 * facts["second"] == pytest.approx(known["He: Q(1)"], rel=1e-9)
        assert facts["greatest"]["slope"] == pytest.approx(known["supremum of f′"], abs=1e-9), pair
        assert facts["least"]["slope"] == pytest.approx(known["infimum of f′"], abs=1e-9), pair
        assert [0.0] * (not facts["smooth"]) == known["kinks"], pair
        sides = [facts["left"], facts["right"]]
        assert sides == pytest.approx(np.broadcast_to(known["slope at 0"], 2)), pair
        assert facts["jump"] == pytest.approx(sides[1] - sides[0]), pair


def require_places(page):
    """Where the greatest and the least slope are, and whether f turns, by looking."""
    x = np.concatenate([-np.geomspace(1e-9, 40, 4000)[::-1], [0.0], np.geomspace(1e-9, 40, 4000)])
    for (a, b), got in zip(PAIRS, page["all"], strict=True):
        y, slope = (
            apalu(x, float(a), float(b)),
            apalu_grad(x, float(a), float(b), np.ones_like(x))[0],
        )
        for name, sign in (("greatest", 1), ("least", -1)):
            at = np.flatnonzero(sign * slope >= (sign * slope).max() - 1e-13)
            one = {"peak": 1.40973, "left of zero": 0.0, "far left": -40.0}
            where = got["facts"][name]["where"]
            if where in one:
                assert np.abs(x[at] - one[where]).min() < 0.01, (a, b, name)
            else:
                assert where in ("flat left", "flat right"), (a, b, name)
                side = x < 0 if where == "flat left" else x >= 0
                assert (slope[side] == 0).all()
                assert np.isin(np.flatnonzero(side), at).all()
        steps = np.diff(y[np.abs(x) < 30])
        kind = {(True, False): "increasing", (False, True): "decreasing", (True, True): "no"}
        rises, falls = bool((steps > 0).any()), bool((steps < 0).any())
        told = got["facts"]["monotone"]
        assert told.replace("non-de", "in").replace("non-in", "de").endswith(kind[rises, falls])
        assert told.startswith("non-") == (a * b == 0)
        limits = [got["facts"][name] for name in ("farLeft", "farRight")]
        assert limits[0] == pytest.approx(apalu(-800.0, float(a), float(b)))
        assert float(limits[1]) == (a and math.copysign(math.inf, a))


def require_constants(page):
    assert page["peak"] == {"x": 1.40972813191273071, "du": 2.09983932012886692}
    assert page["unit"] == pytest.approx(0.682527932356013844, rel=1e-15)


def require_all(page):
    for require in (require_formula, require_facts, require_places, require_constants):
        require(page)


def test_formula_and_facts(page):
    require_all(page)


def test_numbers_are_written_shortly(page):
    shown = ["0", "0", "1", "−2.5", "0.0001", "0.000012", "−1e−7", "0.3333", "∞"]
    assert page["numbers"] == shown


def test_the_words(page):
    said = {pair: got["words"] for pair, got in zip(PAIRS, page["all"], strict=True)}
    assert said[1, 1.5]["zero"] == "smooth: slope 1.5 on both sides"
    assert said[0.6, 0.9]["zero"] == "smooth: slope 0.9 on both sides"
    assert said[2, -1] == {
        "zero": "kink: slope −1 on the left, 3 on the right, a jump of 4",
        "greatest": "4.1997, at x = 1.4097",
        "least": "−1, approached as x rises to 0",
        "lipschitz": "4.1997 = 2.0998 |a|",
        "monotone": "no: f falls to 0 at x = 0, then rises",
        "limits": "1 as x → −∞; ∞ as x → ∞, where f comes close to 2ax",
        "moments": "E f = 1.7176, E f² = 7.427",
        "gain": "0.3669 = 1/√(E f²). Weights of variance gain²/n keep the signal’s second moment "
        "at 1; He’s, of variance 2/n, multiply it by 14.854 at first",
    }
    assert said[-1, 0.5]["monotone"] == "no: f rises to 0 at x = 0, then falls"
    assert said[-1, -1]["monotone"] == "yes: strictly decreasing"
    assert said[-1, -1]["limits"].endswith("; −∞ as x → ∞, where f comes close to 2ax")
    assert said[0, 1]["limits"] == "−1 as x → −∞; 0 as x → ∞"
    assert said[0, 1]["monotone"] == "yes: non-decreasing, and flat on the right"
    assert said[1, 2.15]["lipschitz"] == "2.15 = |b|"


# What is planted, and whether the golden vectors see it as well as the tests above.
FAULTS = {
    "constant": ("apalu.js", "1.702", "1.7", True),
    "missing term": ("apalu.js", " + z * s * c", "", True),
    "left slope": ("apalu.js", "dv = (x) => Math.exp(x)", "dv = (x) => 1 + x", True),
    "cancellation": ("apalu.js", "Math.expm1(x)", "Math.exp(x) - 1", False),
    "slope at 0": ("apalu.js", "(x < 0 ? b * dv", "(x <= 0 ? b * dv", True),
    "da on both sides": ("apalu.js", "da: 0", "da: gy * x", True),
    "no gy": ("apalu.js", "db: gy * v(x)", "db: v(x)", True),
    "a moment": ("facts.js", "-0.238421", "0.238421", False),
    "the peak": ("facts.js", "2.09983932012", "2.09983942012", False),
    "the least of a": ("facts.js", "greatest(-a, -b)", "greatest(a, -b)", False),
    "no sign of b": ("facts.js", "Math.abs(a), Math.abs(b)),", "Math.abs(a), b),", False),
    "signs": ("facts.js", "a * b < 0", "a * b > 0", False),
    "limit": ("facts.js", "farLeft: 0 - b", "farLeft: b", False),
}


@pytest.fixture
def planted(request, tmp_path):
    """A copy of the explorer with a fault, and with what subject.mjs needs."""
    folder = tmp_path / "site" / "explorer"
    shutil.copytree(FOLDER, folder)
    (tmp_path / "subjects").mkdir()
    shutil.copy(TUTORIALS / "subjects" / "apalu.mjs", tmp_path / "subjects")
    name, right, wrong, _ = FAULTS[request.param]
    text = (folder / name).read_text(encoding="utf-8")
    assert right in text
    (folder / name).write_text(text.replace(right, wrong), encoding="utf-8")
    return folder


def vectors(folder):
    """The exit status of the program over the golden vectors."""
    command = [NODE, str(folder / "subject.mjs"), "--vectors", str(PATH)]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode


@pytest.mark.parametrize(
    ("planted", "seen"), [(k, v[3]) for k, v in FAULTS.items()], ids=FAULTS, indirect=["planted"]
)
def test_planted_faults_show(planted, seen):
    page = asked(planted)
    with pytest.raises(AssertionError):
        require_all(page)
    assert vectors(planted) == seen


def test_the_formula_agrees_with_the_golden_vectors():
    assert vectors(FOLDER) == 0


@pytest.mark.slow
def test_the_formula_conforms(monkeypatch):
    monkeypatch.chdir(TUTORIALS.parent)
    found = check("node tutorials/site/explorer/subject.mjs", timeout=60)
    assert (found.adapter, found.exit_status, found.findings) == ("exec", 0, [])


@pytest.mark.slow
@pytest.mark.parametrize("planted", ["missing term"], indirect=True)
def test_the_kit_names_a_planted_fault(planted):
    found = check(f"{NODE} {planted / 'subject.mjs'}", profile="quick", timeout=60)
    assert found.exit_status == 1
    assert "the term κx σ(1 - σ) is missing" in " ".join(f.cause for f in found.findings)


def test_the_page_says_how_far_the_lock_lets_a_go():
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    low, high = map(float, re.search(r'id="ex-b" min="(.+?)" max="(.+?)"', page).groups())
    assert f"from {low / 1.5:.3g} to {high / 1.5:.3g})".replace("-", "−") in page


def test_the_page_uses_what_is_checked():
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    scripts = ["apalu.js", "facts.js", "plot.js", "explorer.js"]
    places = [page.index(f'<script src="{name}" defer>') for name in scripts]
    assert places == sorted(places)
    for name in scripts[1:]:
        # The formula is nowhere written again.
        text = (FOLDER / name).read_text(encoding="utf-8")
        assert "1.702" not in text
        assert "KAPPA" not in text
