#!/usr/bin/env python3
"""mdBook's preprocessor: links from a page to a file of the repository that is no page of the book (`../examples/…`) lead to the
repository, whose address book.toml has. mdBook asks first whether a renderer is supported, then gives [context, book]."""

import json
import re
import sys

OUTSIDE = re.compile(r"\]\(\.\./([^)\s]+)\)")


def chapters(items):
    for item in items:
        if chapter := isinstance(item, dict) and item.get("Chapter"):
            yield chapter
            yield from chapters(chapter["sub_items"])


def main():
    if sys.argv[1:2] == ["supports"]:
        return
    context, book = json.load(sys.stdin)
    address = context["config"]["output"]["html"]["git-repository-url"]
    for chapter in chapters(book.get("items") or book["sections"]):
        chapter["content"] = OUTSIDE.sub(rf"]({address}/blob/main/\1)", chapter["content"])
    json.dump(book, sys.stdout)


if __name__ == "__main__":
    main()
