#!/usr/bin/env python3
"""Follows every link within the built book, and those that its sources, the README and the examples have as they are written, and
looks for what should not have been left. `check.py ROOT BOOK`. Links to other hosts are not followed."""

import html.parser
import pathlib
import re
import sys
import urllib.parse

# Of Markdown and of mdBook's own directives, in what a reader sees.
LEFTOVERS = re.compile(r"\{\{#|\]\(|```|\bTODO\b|\bFIXME\b|\*\*[^\s*][^*]*\*\*")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)


class Page(html.parser.HTMLParser):
    """Ids, links and text of a page."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.text, self.skipped, self.content = set(), [], [], 0, 0
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids.update(value for name in ("id", "name") if (value := attrs.get(name)))
        self.links += [value for name in ("href", "src") if (value := attrs.get(name))]
        self.skipped += tag in ("code", "script", "style", "pre")
        self.content += tag == "main"

    def handle_endtag(self, tag):
        self.skipped -= tag in ("code", "script", "style", "pre")
        self.content -= tag == "main"

    def handle_data(self, data):
        if self.content and not self.skipped:
            self.text.append(data)


def broken(link, at, pages):
    """What is wrong with a link of the page at this path, if anything."""
    target = urllib.parse.urlsplit(link)
    if target.scheme or target.netloc:
        return None
    path = (at.parent / urllib.parse.unquote(target.path)).resolve() if target.path else at
    if not path.exists():
        return "leads nowhere"
    page = pages.get(path)
    if target.fragment and page and urllib.parse.unquote(target.fragment) not in page.ids:
        return "has no such place"
    return None


def faults_of_book(book, pages):
    for path, page in pages.items():
        name = path.relative_to(book)
        for link in page.links:
            # The page for all that is not there is served below any path.
            if name.name != "404.html" and (why := broken(link, path, pages)):
                yield f"{name}: {link} {why}"
        if left := LEFTOVERS.search("".join(page.text)):
            yield f"{name}: left of its source: {left[0]}"


def faults_of_sources(root, book, pages):
    """Links as they are written, in the README and its like and in the manual: to a page, or to a file."""
    outside = [root / "README.md", root / "CONTRIBUTING.md", *root.glob("examples/**/README.md"), *root.glob("docs/*.md")]
    for path in outside:
        for link in LINK.findall(CODE.sub("", path.read_text())):
            target = urllib.parse.urlsplit(link)
            file = (path.parent / target.path).resolve() if target.path else path
            if target.scheme:
                continue
            if not file.exists():
                yield f"{path.relative_to(root)}: {link} leads nowhere"
            page = pages.get(book / f"{file.stem}.html") if file.parent == root / "docs" else None
            if target.fragment and page and target.fragment not in page.ids:
                yield f"{path.relative_to(root)}: {link} has no such place"


def faults_of_chapters(root):
    chapters = LINK.findall((root / "docs/SUMMARY.md").read_text())
    for path in sorted(root.glob("docs/*.md")):
        if path.name not in chapters and path.name != "SUMMARY.md":
            yield f"docs/{path.name} is no chapter of docs/SUMMARY.md"


def main(root, book):
    root, book = pathlib.Path(root).resolve(), pathlib.Path(book).resolve()
    pages = {path: Page(path) for path in sorted(book.rglob("*.html"))}
    assert len(pages) > 15, f"{book} has {len(pages)} pages"
    faults = [*faults_of_book(book, pages), *faults_of_sources(root, book, pages), *faults_of_chapters(root)]
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main(*sys.argv[1:])
