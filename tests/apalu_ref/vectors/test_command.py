"""``apalu-ref vectors`` as a user meets it."""

import json
import os

import pytest

from apalu_ref.cli import main
from apalu_ref.vectors import PATH, load, tsv

JSON, TABLE = "apalu-vectors-1.json", "apalu-vectors-1.tsv"


@pytest.fixture
def said(capsys):
    def run(*arguments):
        try:
            status = main(["vectors", *map(str, arguments)])
        except SystemExit as stop:
            status = stop.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


class TestExport:
    def test_writes_both_files_into_a_new_folder(self, said, tmp_path, document):
        folder = tmp_path / "new" / "folder"
        status, out, err = said("export", folder)
        assert (status, err) == (0, "")
        assert sorted(os.listdir(folder)) == [JSON, TABLE]
        assert load(folder / JSON) == document
        assert (folder / TABLE).read_text(encoding="ascii") == tsv(document)
        assert f"{folder / JSON}: " in out
        assert said("verify", folder / JSON)[0] == 0

    @pytest.mark.parametrize(("chosen", "name"), [("json", JSON), ("tsv", TABLE)])
    def test_writes_one(self, said, tmp_path, chosen, name):
        (tmp_path / name).write_text("old", encoding="utf-8")
        assert said("export", tmp_path, "--format", chosen)[0] == 0
        assert os.listdir(tmp_path) == [name]
        assert len((tmp_path / name).read_bytes()) > 10_000

    def test_a_file_in_the_place_of_the_folder(self, said, tmp_path):
        (tmp_path / "file").touch()
        for folder in (tmp_path / "file", tmp_path / "file" / "below"):
            status, out, err = said("export", folder)
            assert (status, out) == (2, "")
            assert err == f"apalu-ref vectors: {folder} is not a folder, and cannot be made one\n"

    def test_an_unknown_format(self, said, tmp_path):
        status, _, err = said("export", tmp_path, "--format", "xml")
        assert status == 2
        assert "invalid choice: 'xml'" in err


class TestVerify:
    def test_the_file_of_the_package(self, said, document):
        count = document["numberOfTests"]
        assert said("verify") == (0, f"{PATH}: {count} tests, all as the oracle says\n", "")

    def test_a_wrong_bit_is_named(self, said, tmp_path, document):
        text = PATH.read_text(encoding="ascii")
        right = document["testGroups"][0]["tests"][40]["dx"]
        wrong = f"{right[:-1]}{int(right[-1], 16) ^ 1:x}"
        assert text.count(right) == 1
        path = tmp_path / "other.json"
        path.write_text(text.replace(right, wrong), encoding="ascii")
        status, out, err = said("verify", path)
        assert (status, err) == (1, "")
        assert out.splitlines() == [
            f"tcId 41 (elementwise float64) dx: {wrong}, expected {right}",
            f"{path}: 1 fields are not what the oracle says",
        ]

    def test_many_differences_are_cut_short(self, said, tmp_path, document):
        other = json.loads(PATH.read_text(encoding="ascii"))
        for test in other["testGroups"][0]["tests"][:50]:
            test["comment"] = "changed"
        path = tmp_path / "other.json"
        path.write_text(json.dumps(other), encoding="ascii")
        status, out, _ = said("verify", path)
        assert status == 1
        assert len(out.splitlines()) == 22
        assert "... and 30 more\n" in out

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, "cannot be read: No such file"),
            (b"", "not a JSON file"),
            (PATH.read_bytes()[:5000], "not a JSON file"),
            (b'{"format": "apalu-vectors", "formatVersion": 7}', "formatVersion is 7, this"),
        ],
    )
    def test_a_file_that_cannot_be_used_is_named(self, said, tmp_path, content, message):
        path = tmp_path / "vectors.json"
        if content is not None:
            path.write_bytes(content)
        status, out, err = said("verify", path)
        assert (status, out) == (2, "")
        assert err.startswith(f"apalu-ref vectors: {path}: {message}")


class TestShow:
    def test_list(self, said, document):
        status, out, err = said("show", "list")
        assert (status, err) == (0, "")
        assert out.startswith(f"{document['numberOfTests']} tests")
        assert all(f"  {flag} " in out for flag in document["notes"])
        assert "elementwise  bfloat16" in out
        assert max(map(len, out.splitlines())) <= 100

    def test_tests_of_every_kind_can_be_shown(self, said, document):
        for group in document["testGroups"]:
            for test in group["tests"][::9]:
                status, out, err = said("show", test["tcId"])
                assert (status, err) == (0, "")
                assert out.startswith(f"tcId {test['tcId']}: {group['type']} {group['dtype']}, ")
                assert all(f"\n{flag}: " in out for flag in test["flags"])
                for name in ("x", "gy", "y", "dx"):
                    values = test[name]
                    assert all(v in out for v in ([values] if isinstance(values, str) else values))

    def test_one_in_full(self, said, document):
        _, out, _ = said("show", 1)
        test = document["testGroups"][0]["tests"][0]
        assert "result acceptable: other answers may be" in out
        assert f"dxOther {test['dxOther']}" in out
        assert f"exact {test['decimal']['dx']}" in out

    def test_a_flag_in_any_case(self, said, document):
        status, out, _ = said("show", "kink")
        assert status == 0
        assert out.startswith("Kink: The slope jumps from b")
        tests = [t for g in document["testGroups"] for t in g["tests"]]
        assert out.count("elementwise") == sum("Kink" in t["flags"] for t in tests)

    @pytest.mark.parametrize(
        ("what", "message"),
        [
            ("Kinks", "no flag 'Kinks'; did you mean Kink? `apalu-ref vectors show list`"),
            ("?", "no flag '?': `apalu-ref vectors show list` lists them"),
            ("0", "no tcId 0: they are 1 to "),
            ("-1", ""),
        ],
    )
    def test_what_there_is_not(self, said, what, message):
        status, out, err = said("show", what)
        assert (status, out) == (2, "")
        assert message in err


def test_help_has_examples(said):
    for arguments in ([], ["export"], ["verify"], ["show"]):
        status, out, _ = said(*arguments, "--help")
        assert status == 0
        assert "example" in out
    assert said()[0] == 2
