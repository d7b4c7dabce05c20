"""The checker of links finds what is broken, and nothing else; the repository's documents."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def checker():
    path = ROOT / "tutorials" / "site" / "check_links.py"
    spec = importlib.util.spec_from_file_location("check_links", path)
    module = importlib.util.module_from_spec(spec)
    # Its classes look for their module while they are made.
    sys.modules["check_links"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["check_links"]


@pytest.fixture
def site(tmp_path):
    """A small site that is whole."""
    top = tmp_path / "site"
    files = {
        "index.html": '<h1 id="top-of-it">T</h1> <a href="sub/page.html#there">x</a>',
        "sub/page.html": '<p id="there"><a name="old"></a><a href="../index.html">up</a>',
        "with space é.html": "<p id='ö'>",
        "style.css": "/* url(gone.png) */ p { background: url('pictures/a.png') }",
        "pictures/a.png": "",
    }
    for name, text in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text, encoding="utf-8")
    return top


GOOD = [
    '<a href="sub/page.html">x</a>',
    '<a href="sub/page.html?q=1&amp;r=2#there">x</a>',
    '<a href="sub/page.html#old">x</a>',
    '<a href="with%20space%20%C3%A9.html#%C3%B6">x</a>',
    '<a href="./sub/../sub/page.html">x</a>',
    '<a href="#top-of-it">x</a> <a href="#">x</a> <a href="#top">x</a> <a href="">x</a>',
    '<a href="#a=1&amp;b=1.5">a setting</a> <a href="#:~:text=T">text</a>',
    '<a href="https://example.org/x">x</a> <a href="//example.org">x</a>',
    '<a href="mailto:a@example.org">x</a> <img src="data:image/gif;base64,AA==">',
    '<img src="pictures/a.png" srcset="pictures/a.png, pictures/a.png 2.00x,pictures/a.png 300w">',
    '<link rel="canonical" href="https://example.org/index.html">',
    '<link rel="stylesheet" href="style.css?v=1"><style>p { color: red }</style>',
    "<p style=\"background: url('data:image/png;base64,AA==')\">",
    '<p style="background: url(#top-of-it)">',
    '<!-- <a href="gone.html"> --><script>"<a href=\'gone.html\'>"</script>',
]

BAD = {
    "file": ('<a href="gone.html">x</a>', "no such file"),
    "capital": ('<a href="Sub/page.html">x</a>', "no such file"),
    "folder": ('<a href="sub/">x</a>', "no such file"),
    "encoded": ('<a href="with%2520space.html">x</a>', "no such file"),
    "anchor": ('<a href="sub/page.html#elsewhere">x</a>', "no id 'elsewhere' in sub/page.html"),
    "own anchor": ('<a href="#elsewhere">x</a>', "no id 'elsewhere' in index.html"),
    "out of the tree": ('<a href="../site/index.html">x</a>', "out of the folder"),
    "out of the tree, below": ('<a href="sub/../../x.html">x</a>', "out of the folder"),
    "top of a server": ('<a href="/index.html">x</a>', "top of a server"),
    "kind": ('<a href="javascript:void 0">x</a>', "unknown kind"),
    "a file of this computer": ('<a href="file:///etc/hosts">x</a>', "unknown kind"),
    "image": ('<img src="gone.png"/>', "no such file"),
    "srcset": ('<img src="pictures/a.png" srcset="gone.png 2x">', "no such file"),
    "srcset, second": ('<img srcset="pictures/a.png 1x, gone.png 2x">', "gone.png: there"),
    "source": ('<video poster="gone.png"><source src="pictures/a.png">', "no such file"),
    "remote script": ('<script src="https://example.org/a.js"></script>', "from a network"),
    "no scheme": ('<script src="//example.org/a.js"></script>', "from a network"),
    "remote style": ('<link rel="stylesheet" href="http://example.org/a.css">', "from a network"),
    "remote icon": ('<link rel="icon" href="https://example.org/a.ico">', "from a network"),
    "ahead of time": ('<link rel="preconnect" href="https://example.org">', "from a network"),
    "remote picture": ('<img src="https://example.org/a.png">', "from a network"),
    "remote srcset": ('<img srcset="https://example.org/a.png 2x">', "from a network"),
    "remote frame": ('<iframe src="https://example.org/"></iframe>', "from a network"),
    "remote object": ('<object data="https://example.org/a.svg"></object>', "from a network"),
    "style": ("<style>p { background: url(gone.png) }</style>", "no such file"),
    "remote import": ('<style>@import "https://example.org/a.css";</style>', "from a network"),
    "style of an element": ('<p style="background: url(https://example.org/a)">', "from a network"),
    "drawing": ('<svg><use xlink:href="gone.svg#x"/></svg>', "no such file"),
}


def add(site, html):
    page = site / "index.html"
    page.write_text(page.read_text(encoding="utf-8") + html, encoding="utf-8")


def test_a_whole_site(checker, site, capsys):
    assert checker.site(site) == ([], 3, 3)
    assert checker.main([str(site)]) == 0
    assert capsys.readouterr().out.startswith("3 links in 3 pages, ")


@pytest.mark.parametrize("html", GOOD)
def test_what_is_right(checker, site, html):
    add(site, html)
    assert checker.site(site)[0] == []


@pytest.mark.parametrize("case", BAD)
def test_what_is_broken(checker, site, case, capsys):
    html, reason = BAD[case]
    add(site, html)
    (line,) = checker.site(site)[0]
    assert line.startswith("index.html: ")
    assert reason in line
    assert checker.main([str(site)]) == 1
    assert capsys.readouterr().out.splitlines() == [line]


@pytest.mark.parametrize(
    ("css", "reason"),
    [
        ("p { background: url(gone.png) }", "no such file"),
        ("@import url(https://example.org/a.css);", "from a network"),
        ("@import 'https://example.org/a.css';", "from a network"),
        ("@font-face { src: url('//example.org/a.woff2') }", "from a network"),
    ],
)
def test_styles(checker, site, css, reason):
    # Paths in a style begin at its own folder.
    (site / "sub" / "more.css").write_text(f"p {{ src: url(../pictures/a.png) }} {css}")
    (line,) = checker.site(site)[0]
    assert line.startswith("sub/more.css: ")
    assert reason in line


def test_every_broken_link_is_told(checker, site):
    add(site, '<a href="one.html">x</a>')
    (site / "sub" / "page.html").write_text('<a href="two.html">x</a>', encoding="utf-8")
    lines = checker.site(site)[0]
    assert [line.split(":")[0] for line in lines] == ["index.html", "index.html", "sub/page.html"]
    assert "no id 'there'" in lines[0]


def test_base_is_refused(checker, site):
    add(site, '<base href="https://example.org/">')
    with pytest.raises(ValueError, match="<base>"):
        checker.site(site)


def test_what_is_no_site(checker, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        checker.main([str(tmp_path)])
    assert ended.value.code == 2
    assert "build the site first" in capsys.readouterr().err


def test_the_documents(checker):
    broken, links, documents = checker.documents()
    assert broken == []
    assert links > 30
    assert documents == 4


MARKDOWN = """# One, *two* & `three`

[a](other.md#here-it-is) [b](folder) ![c](a.png "title") [d](#one-two--three) [e](<a.png>)
`[no link](gone.md)` [`code`](a.png) [out](https://example.org) [f][ref]

[ref]: a.png

```sh
# not a heading
[no link](gone.md)
```
"""


def test_documents_that_are_whole(checker, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.png").touch()
    (tmp_path / "other.md").write_text("## Here it is\n", encoding="utf-8")
    (tmp_path / "D.md").write_text(MARKDOWN, encoding="utf-8")
    assert checker.documents(tmp_path, ["D.md"]) == ([], 8, 1)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("D.md", "[a](gone.md)", "no such file"),
        ("D.md", "![a](gone.png)", "no such file"),
        ("D.md", "[`a`](gone.md)", "no such file"),
        ("D.md", "[a](../gone.md)", "out of the folder"),
        ("D.md", "# A\n[a](#b)", "no id 'b'"),
        ("D.md", "```\n# b\n```\n[a](#b)", "no id 'b'"),
        ("D.md", "[a][b]\n\n[b]: gone.md", "no such file"),
        ("D.rst", "`a <gone.py>`_", "no such file"),
        ("D.rst", "`a <gone.py>`__", "no such file"),
        ("D.rst", ".. image:: gone.png", "no such file"),
        ("D.rst", ".. _a: gone.py", "no such file"),
    ],
)
def test_documents_that_are_broken(checker, tmp_path, name, text, reason):
    (tmp_path / name).write_text(text, encoding="utf-8")
    (line,) = checker.documents(tmp_path, [name])[0]
    assert reason in line
