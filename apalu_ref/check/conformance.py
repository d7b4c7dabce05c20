"""The probes as tests: a line in a pytest file checks an implementation, one test a probe.

::

    from apalu_ref.check.conformance import apalu_conformance

    test_port = apalu_conformance("port.py:APALU", xfail="port-xfail.txt")

pytest is imported here and nowhere else in the package.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from apalu_ref.check.features import known, near, withheld
from apalu_ref.check.probes import PROFILES, probes
from apalu_ref.check.reports.outcomes import Outcome, headings, outcomes, told
from apalu_ref.check.run import check
from apalu_ref.check.subject import SubjectError, is_file, split_name

try:
    import pytest
except ImportError:
    raise ImportError(
        "apalu_conformance makes tests for pytest, which is not installed: "
        "pip install 'apalu-ref[test]'"
    ) from None


def apalu_conformance(
    subject: Any,
    *,
    profile: str = "standard",
    xfail: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Callable[..., None]:
    """Make a test function that checks an implementation, one test id a probe.

    The check runs once, at the first of the tests, in a process of its own; all of them share
    its result. Which probes a subject is asked depends on what it is: all of the profile are
    collected, and those not asked, or not offered, are skipped with the reason. Warnings do
    not fail a test (except under ``strict``, which makes them errors): they are its output
    (``pytest -rP`` shows it) and a property ``apalu_warning`` in JUnit XML.

    Parameters
    ----------
    subject : str, or class, function or module
        As given to :func:`apalu_ref.check.check`; a relative file is relative to the calling
        test file. An object is named by its file: it has to be found there under its name.
    profile : {"standard", "quick", "strict", "exhaustive"}
        See :func:`apalu_ref.check.check`.
    xfail : path-like, optional
        A text file of what is known to fail: a probe's id a line, with ``# the reason``
        behind it; relative to the calling test file. A probe that is listed and passes fails.
    **options
        ``adapter``, ``against``, ``map``, ``capabilities``, ``require``, ``device`` and
        ``timeout``, as for :func:`apalu_ref.check.check`. ``against`` may be relative, too.

    Returns
    -------
    callable
        To be given a name that begins with ``test``.

    Raises
    ------
    TypeError
        If the object cannot be imported by another process, or there is no such option.
    ValueError
        If there is no such profile, capability or feature.
    pytest.Collector.CollectError
        If the file of known failures is missing, or names a probe twice or one that is not
        in the profile: nothing is collected until it is mended.

    Examples
    --------
    >>> test_port = apalu_conformance("port.py:APALU", capabilities={"order": 1})
    """
    frame = sys._getframe(1)
    here = Path(frame.f_code.co_filename).absolute()
    ids = [probe.id for probe in probes(profile)]
    inspect.signature(check).bind("", **options)
    withheld(options.get("capabilities") or {})
    for feature in options.get("require") or ():
        known(feature)
    named = _named(subject, here, options.get("adapter") == "exec")
    if options.get("against", "apalu") not in ("apalu", "self"):
        options["against"] = _named(options["against"], here, False)
    shared = _Shared(named, profile, options)
    expected = _read(here.parent / xfail, ids, profile) if xfail is not None else {}

    @pytest.mark.parametrize("probe", [pytest.param(id, id=id) for id in ids])
    def test_conformance(probe: str, request: pytest.FixtureRequest) -> None:
        _tell(shared.outcome(probe), expected.get(probe), request.node.user_properties)

    # Reports point to where a test was defined: to the caller's line, not to this one.
    test: Any = test_conformance
    test.__code__ = test.__code__.replace(
        co_filename=frame.f_code.co_filename, co_firstlineno=frame.f_lineno
    )
    test.__module__ = frame.f_globals.get("__name__", __name__)
    made: Callable[..., None] = test
    return made


class _Expected(NamedTuple):
    """A line of the file of known failures."""

    reason: str
    place: str


class _Shared:
    """The check of one subject, run when it is first asked for, and what came of it."""

    def __init__(self, subject: str, profile: str, options: dict[str, Any]) -> None:
        self._run = partial(check, subject, profile=profile, **options)
        self._outcomes: dict[str, Outcome] = {}
        self._error = ""

    def outcome(self, probe: str) -> Outcome:
        """Of one probe; fails the test if the check could not begin."""
        if not self._outcomes and not self._error:
            try:
                self._outcomes = {o.probe: o for o in outcomes(self._run())}
            except SubjectError as error:
                self._error = str(error)
        if self._error:
            pytest.fail(self._error, pytrace=False)
        return self._outcomes[probe]


def _tell(
    outcome: Outcome, expected: _Expected | None, properties: list[tuple[str, object]]
) -> None:
    """Let the test that calls this end as its probe did."""
    for finding in outcome.warnings:
        print(f"warning: {told(finding, outcome.probe)}\n")
        # Not by record_property, which itself warns when JUnit XML is written.
        properties.append(("apalu_warning", headings([finding])))
    if outcome.kind == "skipped":
        pytest.skip(outcome.reason)
    if outcome.kind == "passed":
        if expected is not None:
            pytest.fail(f"{outcome.probe} passes: remove it from {expected.place}", pytrace=False)
        return
    if expected is not None:
        pytest.xfail(expected.reason)
    said = [told(finding, outcome.probe) for finding in outcome.errors]
    pytest.fail("\n\n".join(said) or outcome.reason, pytrace=False)


def _read(path: Path, ids: list[str], profile: str) -> dict[str, _Expected]:
    """The file of known failures, by probe."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise pytest.Collector.CollectError(f"{path}: {error}") from None
    found: dict[str, _Expected] = {}
    for number, line in enumerate(lines, 1):
        id, _, reason = (part.strip() for part in line.partition("#"))
        if not id:
            continue
        place = f"{path}:{number}"
        if id in found:
            raise pytest.Collector.CollectError(f"{place}: {id} is there a second time")
        if id not in ids:
            raise pytest.Collector.CollectError(f"{place}: {_unknown(id, ids, profile)}")
        found[id] = _Expected(reason or f"listed in {path.name}", f"{path.name}:{number}")
    return found


def _unknown(id: str, ids: list[str], profile: str) -> str:
    for other in PROFILES:
        if id in (probe.id for probe in probes(other)):
            return f"{id} is a probe of the profile {other!r}, not of {profile!r}"
    return f"no probe {id!r}{near(id, ids)}"


def _named(subject: Any, here: Path, program: bool) -> str:
    """The subject's name, as another process can import it."""
    if not isinstance(subject, str):
        return _name_of(subject, here)
    source, attribute = split_name(subject)
    # A file, or a folder of answers; else it is a module, or a command ("python3 port.py").
    beside = here.parent / source
    if (source.endswith(".py") and not program) or (is_file(source) and beside.exists()):
        return f"{beside}{':' if attribute else ''}{attribute}"
    return str(beside) if beside.is_dir() and not attribute else subject


def _name_of(value: Any, here: Path) -> str:
    """``file.py:attribute`` or ``module:attribute`` of a class, function or module."""
    if isinstance(value, ModuleType):
        return _source(value, here)
    name = getattr(value, "__qualname__", "")
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    said = "give the subject's name, 'file.py:attribute' or 'package.module:attribute'"
    if not name or module is None:
        raise TypeError(f"{value!r} is not a class, function or module: {said}")
    if not os.path.isfile(getattr(module, "__file__", None) or ""):
        raise TypeError(
            f"{name} was defined at a prompt, where the process that checks it cannot import "
            f"it from: write it to a file, and {said}"
        )
    if "<" in name:
        kind = "a lambda" if "<lambda>" in name else "defined inside a function"
        raise TypeError(
            f"{name} is {kind}, so that the process that checks it cannot import it: define it "
            f"at the top of its file with class or def, or {said}"
        )
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not value:
        raise TypeError(
            f"{name} is not what {module.__name__} has under this name (it was wrapped, "
            f"replaced or bound): {said}"
        )
    return f"{_source(module, here)}:{name}"


def _source(module: ModuleType, here: Path) -> str:
    """The file of a module; for what only works in its package, or is compiled, its name."""
    file = Path(module.__file__ or "").absolute()
    packaged = "." in module.__name__ and (file.parent / "__init__.py").is_file()
    if file.suffix != ".py" or (packaged and file != here):
        return module.__name__
    return str(file)
