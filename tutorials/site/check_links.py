"""Follow every link of the built site: ``python tutorials/site/check_links.py build/site``.

A link must lead to a file that is there, and its ``#fragment`` to an id in it. No page may name a
script, a style or a picture on a network (what a script fetches by itself is not seen). The links
of the repository's own documents (README.md and others) are followed as well. Links to other sites
are not: that is what ``sphinx -b linkcheck`` does.

Prints a line for each broken link; exit status 1 if there is one.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]

DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "tutorials/README.rst")

# Attributes that name a file, and the rel of a <link> whose file is not loaded but only named.
LINKING = {"href", "xlink:href", "src", "poster", "data"}
NAMING = {"alternate", "author", "canonical", "help", "license", "next", "prev", "search"}

# A script reads a fragment with "=" as a setting; one that begins so names a piece of text.
SETTING = re.compile(r"[^#]*=|:~:")


class Link(NamedTuple):
    """A link as it is written, and whether a browser loads its file by itself."""

    target: str
    loads: bool


class Page(HTMLParser):
    """The links and ids of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[Link] = []
        self.ids: set[str] = set()
        self._in_style = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Also of elements without content, such as <img/>."""
        given = {name: value or "" for name, value in attrs}
        self._in_style = tag == "style"
        naming = ("id", "name") if tag == "a" else ("id",)
        self.ids.update(given[name] for name in naming if name in given)
        for name in LINKING & given.keys():
            if tag in ("a", "area"):
                loads = False
            elif tag == "link":
                loads = not NAMING.issuperset(given.get("rel", "").lower().split())
            elif tag == "base":
                raise ValueError("<base> changes what all links mean; it is not understood")
            else:
                loads = True
            self.links.append(Link(given[name].strip(), loads))
        for name in {"srcset", "imagesrcset"} & given.keys():
            # Each candidate is an address and perhaps "2x" or "300w"; a comma may be part of it.
            found = re.findall(r"[\s,]*(\S*[^\s,])(?:,+(?=\s|$)|\s+[^,]*)?", given[name])
            self.links += [Link(target, True) for target in found]
        self.links += [Link(target, True) for target in in_css(given.get("style", ""))]

    def handle_data(self, data: str) -> None:
        """A style within the page."""
        if self._in_style:
            self.links += [Link(target, True) for target in in_css(data)]

    def handle_endtag(self, tag: str) -> None:
        """The end of a style."""
        self._in_style = False


def in_css(text: str) -> Iterator[str]:
    """What a style loads: url(...) and @import."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    quoted = r'"([^"]*)"|\'([^\']*)\''
    for found in re.finditer(
        rf"url\(\s*(?:{quoted}|([^)\s]*))\s*\)|@import\s+(?:{quoted})", text, re.I
    ):
        yield next(filter(None, found.groups()), "")


def in_text(text: str, suffix: str) -> Iterator[str]:
    """The links of a document in Markdown or reStructuredText."""
    if suffix == ".md":
        text = re.sub(r"^```.*?^```|`[^`\n]*`(?!\])", "", text, flags=re.DOTALL | re.MULTILINE)
        yield from re.findall(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)", text)
        yield from re.findall(r"^\[[^\]]+\]:\s+(\S+)", text, re.MULTILINE)
    else:
        yield from re.findall(r"<([^<>\s]+)>`_", text)
        yield from re.findall(r"^\.\. (?:image|figure|_[^:]+):+ (\S+)", text, re.MULTILINE)


def headings(text: str) -> set[str]:
    """The ids that GitHub gives to the headings of a Markdown document."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower() for title in titles)
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in plain}


class Folder:
    """A folder whose files link to each other."""

    def __init__(self, top: Path) -> None:
        self.top = top
        # Names as they are written: not every file system tells capitals apart, every server does.
        self.files = {path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file()}
        self._ids: dict[str, set[str]] = {}
        self.links = 0

    def has(self, name: str) -> bool:
        """Whether a link may lead there."""
        return name in self.files

    def text(self, name: str) -> str:
        """Of one of its files."""
        return (self.top / name).read_text(encoding="utf-8", errors="replace")

    def ids(self, name: str) -> set[str] | None:
        """What a fragment may name in a file; None if it is no page."""
        if name not in self._ids:
            if name.endswith((".html", ".htm")):
                self._ids[name] = Page(self.text(name)).ids
            elif name.endswith(".md"):
                self._ids[name] = headings(self.text(name))
            else:
                return None
        return self._ids[name]

    def wrong(self, name: str, link: Link) -> str | None:
        """What is wrong with a link in one of its files."""
        parts = urlsplit(link.target)
        if parts.scheme or parts.netloc:
            if parts.scheme in ("data", "mailto"):
                return None
            if parts.scheme not in ("", "http", "https"):
                return f"of an unknown kind ({parts.scheme}:)"
            return "is loaded from a network" if link.loads else None
        if parts.path.startswith("/"):
            return "begins at the top of a server, which is elsewhere for a file"
        # A link without a path is to the file itself.
        there = joined(name, unquote(parts.path)) if parts.path else name
        if there is None:
            return "leads out of the folder"
        if not self.has(there):
            return "there is no such file"
        fragment = unquote(parts.fragment)
        if not fragment or fragment == "top" or SETTING.match(fragment):
            return None
        ids = self.ids(there)
        if ids is not None and fragment not in ids:
            return f"no id {fragment!r} in {there}"
        return None

    def check(self, name: str, links: Iterable[Link]) -> Iterator[str]:
        """A line for each broken link of a file."""
        for link in links:
            self.links += 1
            if problem := self.wrong(name, link):
                yield f"{name}: {link.target}: {problem}"


class Repository(Folder):
    """Its documents may link to folders, too. Not listed: much in it is not its own."""

    def __init__(self, top: Path) -> None:
        self.top, self.links, self._ids = top, 0, {}

    def has(self, name: str) -> bool:
        """A file or a folder."""
        return (self.top / name).exists()


def joined(name: str, path: str) -> str | None:
    """The file to which ``path`` leads from the file ``name``; None if it is outside."""
    parts = list(PurePosixPath(name).parent.parts)
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) or "."


def site(top: Path) -> tuple[list[str], int, int]:
    """The broken links of a built site, how many links there are, and in how many pages."""
    folder, broken, pages = Folder(top), [], 0
    for name in sorted(folder.files):
        if name.endswith((".html", ".htm")):
            pages += 1
            broken += folder.check(name, Page(folder.text(name)).links)
        elif name.endswith(".css"):
            broken += folder.check(name, [Link(t, True) for t in in_css(folder.text(name))])
    return broken, folder.links, pages


def documents(top: Path = ROOT, names: Iterable[str] = DOCUMENTS) -> tuple[list[str], int, int]:
    """The same for the repository's documents."""
    folder, broken, count = Repository(top), [], 0
    for name in names:
        count += 1
        targets = in_text(folder.text(name), Path(name).suffix)
        broken += folder.check(name, [Link(target, False) for target in targets])
    return broken, folder.links, count


def main(arguments: list[str] | None = None) -> int:
    """Check a site and the documents."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("site", metavar="BUILT_SITE", type=Path, help="the folder with index.html")
    top = parser.parse_args(arguments).site
    if not (top / "index.html").is_file():
        parser.error(f"{top} has no index.html: build the site first")
    found = site(top), documents()
    for line in [*found[0][0], *found[1][0]]:
        print(line)
    if found[0][0] or found[1][0]:
        return 1
    print(f"{found[0][1]} links in {found[0][2]} pages, {found[1][1]} in {found[1][2]} documents")
    return 0


if __name__ == "__main__":
    sys.exit(main())
