"""JUnit XML, Markdown and the picture: read back, and given names that would break them."""

import re
from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib.image import imread

from apalu_ref import cli
from apalu_ref.check.own import Formula
from apalu_ref.check.probes import probes
from apalu_ref.check.report import Points
from apalu_ref.check.reports import junit, markdown, picture
from apalu_ref.check.reports.outcomes import outcomes, shortened
from apalu_ref.check.subject import SubjectError

HOSTILE = "a|b `c` <script>& @you \x00\x1b\ud800\n# x ]]> $y$ ``` **z**"


class Wrong(Formula):
    """Off where x is positive, NaN where it is large, and it refuses 0-d."""

    def forward(self, x, a, b):
        if not x.ndim:
            raise TypeError(f"0-d is not supported {HOSTILE}")
        y, ctx = super().forward(x, a, b)
        return np.where(x > 3, np.where(x > 50, np.nan, 1.001 * y), y).astype(y.dtype), ctx


class Cancels(Formula):
    """Right, but for digits that cancel."""

    def forward(self, x, a, b):
        y, ctx = super().forward(x, a, b)
        return np.where(x < 0, b * (np.exp(np.minimum(x, 0)) - 1), y).astype(y.dtype), ctx


@pytest.fixture(scope="module")
def right(check_here):
    return check_here(Formula(), "quick")


@pytest.fixture(scope="module")
def wrong(check_here):
    return check_here(Wrong(), "quick")


@pytest.fixture(scope="module")
def warned(check_here):
    return check_here(Cancels(), "quick")


def parsed(text):
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    return ET.fromstring(text.encode())


class TestOutcomes:
    def test_every_probe_of_the_profile_is_there_once_in_order(self, right):
        assert [o.probe for o in outcomes(right)] == [p.id for p in probes("quick")]
        kinds = Counter(o.kind for o in outcomes(right))
        assert kinds == {
            "passed": len(right.probes),
            "skipped": len(probes("quick")) - len(right.probes),
        }
        assert {o.reason for o in outcomes(right) if o.reason} == {"not asked of numpy subjects"}

    def test_failed_are_those_the_findings_name(self, wrong):
        named = {p for f in wrong.findings for p in (f.probe, *f.also)}
        assert named
        assert {o.probe for o in outcomes(wrong) if o.kind == "failed"} == named
        refused = next(o for o in outcomes(wrong) if o.probe == "shapes/float64/0-d")
        assert (refused.kind, refused.reason) == ("skipped", "not offered: 0-d")

    def test_what_the_check_did_not_come_to_is_not_run(self, right):
        stopped = replace(right, probes=right.probes[:20], not_run=len(right.probes) - 20)
        kinds = Counter(o.kind for o in outcomes(stopped))
        assert (kinds["passed"], kinds["not run"]) == (20, stopped.not_run)
        assert not any(o.kind == "not run" for o in outcomes(replace(stopped, not_run=0)))
        # What others were run after had not been asked.
        without = replace(stopped, probes=stopped.probes[:5] + stopped.probes[6:])
        assert Counter(o.kind for o in outcomes(without))["not run"] == stopped.not_run

    @pytest.mark.parametrize(
        ("text", "said"), [("a b", "a b"), ("abc\ndef", "ab…ef"), ("123456", "12…56")]
    )
    def test_shortened_leaves_out_the_middle(self, text, said):
        assert shortened(text, 5) == said


class TestJUnit:
    def test_a_suite_a_report_a_case_a_probe(self, right, wrong):
        root = parsed(junit.junit([replace(right, seconds=1.25), replace(wrong, seconds=2)]))
        one, two = root
        assert [suite.get("time") for suite in root] == ["1.250", "2.000"]
        assert root.get("time") == "3.250"
        assert [c.get("name") for c in one.iter("testcase")] == [p.id for p in probes("quick")]
        assert {c.get("classname") for c in one.iter("testcase")} == {"subject"}
        assert one.get("failures") == one.get("errors") == "0"
        assert int(two.get("failures")) == len(list(two.iter("failure"))) > 10
        assert int(two.get("skipped")) == len(list(two.iter("skipped"))) > 3
        for key in ("tests", "failures", "errors", "skipped"):
            assert int(root.get(key)) == int(one.get(key)) + int(two.get(key))
        said = {p.get("name"): p.get("value") for p in two.iter("property")}
        assert said["verdict"] == "fails"

    def test_failures_tell_cause_fix_and_their_own_repro(self, wrong):
        root = parsed(junit.junit([wrong]))
        for case in root.iter("testcase"):
            found = wrong.of_probe(case.get("name"))
            failure = case.find("failure")
            assert (failure is not None) == bool(found)
            for finding in found:
                assert finding.head in failure.get("message")
                assert finding.fix in failure.text
                assert f"--repro {case.get('name')}:{finding.quantity}" in failure.text
                assert finding.message in failure.text

    def test_warnings_are_output_and_no_failure(self, warned):
        assert warned.verdict == "conforms"
        root = parsed(junit.junit([warned]))
        assert root.get("failures") == "0"
        said = [out.text for out in root.iter("system-out")]
        assert said
        assert all("e^x - 1 cancels" in text and "expm1" in text for text in said)

    def test_what_was_not_run_is_an_error(self, right):
        root = parsed(junit.junit([replace(right, probes=right.probes[:20], not_run=9)]))
        assert int(root.get("errors")) > 0
        assert "stopped too often" in root.find(".//error").get("message")

    def test_any_text_is_valid(self, wrong):
        told = [replace(f, message=HOSTILE, cause=HOSTILE, fix=HOSTILE) for f in wrong.findings]
        hostile = replace(wrong, subject=HOSTILE, printed=HOSTILE, findings=told)
        root = parsed(junit.junit([hostile]))
        kept = HOSTILE.replace("\x00\x1b\ud800", "\ufffd" * 3)
        assert root[0].get("name") == kept
        assert root[0].find("system-out").text == kept
        assert kept in root.find(".//failure").text

    def test_a_check_that_could_not_begin_is_a_suite_with_one_error(self):
        root = parsed(junit.failed(HOSTILE, SubjectError("no such\x00 file", 2, "Traceback <x>")))
        assert (root.get("tests"), root.get("errors")) == ("1", "1")
        error = root.find("testsuite/testcase/error")
        assert (error.get("message"), error.text) == ("no such\ufffd file", "Traceback <x>")


def outside_code(text):
    """The Markdown without its code blocks, which have to be closed."""
    left, fence = [], ""
    for line in text.splitlines():
        mark = re.match("`{3,}", line)
        if fence:
            fence = "" if line == fence else fence
        elif mark:
            fence = mark[0]
        else:
            left.append(line)
    assert not fence
    return "\n".join(left)


class TestMarkdown:
    def test_verdict_table_and_findings(self, right, wrong, warned):
        assert markdown.markdown(right).startswith("### CONFORMS: <code>subject</code>\n")
        text = markdown.markdown(wrong)
        assert text.startswith("### FAILS: <code>subject</code>\n")
        for quantity in ("y", "dx", "da", "db"):
            assert re.search(rf"^\| {quantity} \| \w+ \|", text, re.MULTILINE)
        for finding, _, its in wrong.by_cause():
            assert f"```sh\n{finding.repro}\n```" in text
            assert all(probe in text for probe in its)
        assert "Not offered: 0-d." in text
        assert "**WARN precision y" in markdown.markdown(warned)

    def test_nothing_hostile_gets_out(self, wrong):
        told = [replace(f, message=HOSTILE, cause=HOSTILE, fix=HOSTILE, repro=HOSTILE)
                for f in wrong.findings]  # fmt: skip
        hostile = replace(wrong, subject=HOSTILE, adapter=HOSTILE, against=HOSTILE,
                          findings=told, not_offered=[HOSTILE])  # fmt: skip
        text = markdown.markdown(hostile)
        text.encode()  # no halves of surrogate pairs
        plain = outside_code(text)
        assert set(re.findall(r"</?\w+", plain)) == {"<code", "</code", "<details", "</details",
                                                    "<summary", "</summary"}  # fmt: skip
        assert not re.search(r"@\w", plain)
        assert not re.search(r"(?<!\\)[`$]", plain)
        assert not re.search(r"^# x", plain, re.MULTILINE)
        rows = [line for line in plain.splitlines() if line.startswith("|")]
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}

    def test_a_check_that_could_not_begin(self):
        text = markdown.failed(HOSTILE, SubjectError("first call ``` raises", 3, "a\n```\nb\n"))
        assert text.startswith("### ERROR: <code>a\\|b")
        assert "first call" not in outside_code(text)
        assert "<summary>Traceback</summary>" in text


class TestPicture:
    def test_it_is_written_and_shows_what_is_wrong(self, right, wrong, tmp_path):
        for name, report in (("right", right), ("wrong", wrong)):
            picture.draw(report, tmp_path / f"{name}.png")
        one, two = (imread(tmp_path / f"{name}.png") for name in ("right", "wrong"))
        assert one.shape == two.shape
        assert min(one.shape[:2]) > 1000
        reddish = [(t[..., 0] > t[..., 1] + 0.4) & (t[..., 2] < 0.3) & (t[..., 1] < 0.1)
                   for t in (one, two)]  # fmt: skip
        assert reddish[0].sum() == 0
        assert reddish[1].sum() > 500
        assert len(list(tmp_path.iterdir())) == 2

    @pytest.mark.parametrize("ending", ["svg", "pdf"])
    def test_names_and_formats(self, right, tmp_path, ending):
        path = tmp_path / f"errors.{ending}"
        picture.draw(replace(right, subject=r"$\no$ " + HOSTILE + "漢" * 100), path)
        assert path.read_bytes()[:5] in (b"<?xml", b"%PDF-")

    def test_nothing_to_draw(self, right, tmp_path):
        path = tmp_path / "errors.png"
        empty = Points("y", "float64", *(np.zeros(0) for _ in range(4)))
        for points in ([], [empty]):
            with pytest.raises(ValueError, match="nothing to draw"):
                picture.draw(replace(right, points=points), path)
        assert not path.exists()

    def test_an_unknown_format_leaves_the_old_file(self, right, tmp_path):
        path = tmp_path / "errors.xyz"
        path.write_text("old")
        with pytest.raises(ValueError, match="xyz"):
            picture.draw(right, path)
        assert path.read_text() == "old"

    @pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
    def test_one_quantity_of_one_type_at_one_place(self, right, tmp_path, dtype):
        true = np.array([True])
        for x, ulp in ((0.0, 0.0), (-5e-324, np.inf), (1.7e308, 1e16)):
            points = Points("dx", dtype, np.array([x]), np.array([ulp]), true, true)
            picture.draw(replace(right, points=[points]), tmp_path / "errors.png")

    def test_the_axis_is_odd_and_increasing_from_end_to_end(self):
        x = np.concatenate([[0.0, 5e-324, 2e-308], np.geomspace(1e-300, 1.7e308, 1001)])
        places = picture.warp(x)
        assert places[0] == 0
        assert (np.diff(places) > 0).all()
        np.testing.assert_array_equal(picture.warp(-x), -places)

    def test_the_worst_of_each_part_is_kept(self):
        rng = np.random.default_rng(0)
        x, ulp = rng.normal(size=5000) * 10.0 ** rng.integers(-9, 9, 5000), rng.random(5000)
        ulp[7] = 2
        at, error = picture.worst(x, ulp, 40)
        assert len(at) <= 41
        assert (np.diff(at) > 0).all()
        assert picture.warp(x[7]) in at
        half = picture.warp(1.7e308) / 40
        for place, said in zip(at, error, strict=True):
            assert said >= ulp[np.abs(picture.warp(x) - place) < 1e-12].max()
            near = np.abs(picture.warp(x) - place) <= 2 * half + 1e-9
            assert said <= ulp[near].max()
        assert picture.worst(x[:0], ulp[:0])[0].size == 0


def test_the_command_says_in_a_line_that_there_is_nothing_to_draw(tmp_path, capsys):
    path = tmp_path / "errors.png"
    command = "check apalu_ref.check.own:Formula --profile quick --declare parameters=scalar"
    status = cli.main([*command.split(), "--format", "junit", "--picture", str(path)])
    out, err = capsys.readouterr()
    assert status == 2
    assert err.startswith("apalu-ref check: --picture: there is nothing to draw")
    assert err.count("\n") == 1
    assert not path.exists()
    assert len(parsed(out)) == 1
