#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads Markdown reports as a renderer does: of markup they have what the reporter puts there, and nothing else.

usage: read_markdown.py FILE...
"""

import re
import sys
from pathlib import Path

from markdown_it import MarkdownIt

# What the reporter writes itself.
HTML = {"<details>", "<summary>", "</summary>", "</details>", "<sub>", "</sub>"}
WANTED = {"heading", "paragraph", "inline", "bullet_list", "list_item", "blockquote", "table", "thead", "tbody", "tr",
          "th", "td", "text", "code_inline", "strong", "softbreak", "hardbreak", "html_block", "html_inline"}
MOST_BYTES = 65_536
# what GitHub makes links and mentions of without any mark
LINKED = re.compile(r"\bhttps?://|\bwww\.|(?<![\w`])@\w|(?<!\w)#\d")


def tokens_of(tokens):
    for token in tokens:
        yield token
        yield from tokens_of(token.children or [])


def problems(text):
    if len(text.encode()) > MOST_BYTES:
        yield f"{len(text.encode())} bytes"
    tokens = list(tokens_of(MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)))
    for token in tokens:
        kind = token.type.removesuffix("_open").removesuffix("_close")
        if kind not in WANTED:
            yield f"{token.type}: {token.content[:100]!r}"
        if kind.startswith("html") and (foreign := set(re.findall(r"<[^>]*>", token.content)) - HTML):
            yield f"HTML: {foreign}"
        # GitHub looks for links and mentions in what is shown, but not where an entity stands for a character.
        if kind == "text" and (found := LINKED.search(token.content)) and found.group() in text:
            yield f"GitHub makes a link of {found.group()!r}"
    rows = sum(token.type == "tr_open" for token in tokens)
    cells = sum(token.type in ("td_open", "th_open") for token in tokens)
    if cells != 3 * rows:
        yield f"{cells} cells in {rows} rows"


def main(*paths):
    failed = not paths
    for path in paths:
        found = list(problems(Path(path).read_text(encoding="utf-8")))
        print(f"{path}: {len(found)} problems", *found, sep="\n  ")
        failed = failed or bool(found)
    # A reader that accepts anything would accept these too.
    for bad in ("[a](b)", "![a](b)", "<img src=x>", "~~a~~", "*a*", "    code", "see http://a.b", "| a |\n|---|\n| b |"):
        if not list(problems(bad)):
            print(f"accepted: {bad!r}")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
