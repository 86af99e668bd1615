# SPDX-License-Identifier: Apache-2.0
"""Random ignore files and the paths to ask about, for the comparisons with git and with moby."""

# A name is a file, one that ends with `/` a folder; one tree for all cases, so that git needs one only.
TREE = [
    "a", "b/", "b/a", "b/x.pth", "b/b/", "b/b/a", "b/b/x.pth", "models/", "models/x.pth", "models/x.onnx",
    "models/best/", "models/best/x.pth", "models/best/a-b", "models/[a]", "models/a b", "x.pth", "x.onnx",
    "foo/", "foo/bar/", "foo/bar/baz", "foo/bar/x.pth", "foo/baz", "foobar", "!a", "#a", "a ", "\\a", "é", "-",
    "]", "data/", "data/raw/", "data/raw/b/", "data/raw/b/x.pth", "data/x.tar.gz", ".hidden", ".env", "bar/",
    "bar/foo/", "bar/foo/x.pth", "ab", "abc", "a^b",
]
WORDS = ["a", "b", "x.pth", "x.onnx", "models", "best", "foo", "bar", "baz", "data", "raw", "ab", "é", "a b"]
PIECES = ["*", "**", "?", "*.pth", "x.*", "*a", "b*", "[ab]", "[!a]", "[^a]", "[a-c]", "[]]", "[-]", "[a-]", "***",
          "*.p?h", "m*s", "f*o*", "\\*", "\\a", "[[:alpha:]]", "[[:digit:]x]", "foo**", "**bar", "a**b", "[a", "\\",
          "x.[!p]*", "?*", "*?*", "[\\]a]", "é", "[é]", ".*", "**.pth", "[z-a]", "[a\\-c]"]


def segment(random):
    kind = random.random()
    if kind < 0.5:
        return random.choice(WORDS)
    if kind < 0.93:
        return random.choice(PIECES)
    return random.choice(PIECES) + random.choice(WORDS)


def pattern(random):
    text = "/".join(segment(random) for _ in range(random.choice([1, 1, 1, 2, 2, 3])))
    if random.random() < 0.2:
        text = "/" + text
    if random.random() < 0.2:
        text += random.choice(["/", "/**", "/*", "//"])
    if random.random() < 0.1:
        text = random.choice(["**/", "./", "../", "*/", "foo/../"]) + text
    if random.random() < 0.3:
        text = "!" + text
    if random.random() < 0.06:
        text = random.choice(["#", " ", "\\#", "\\!", "! "]) + text
    if random.random() < 0.08:
        text += random.choice([" ", "  ", "\\ ", "\t", "\r"])
    return text


def ignore_text(random):
    lines = [pattern(random) for _ in range(random.choice([1, 2, 3, 4, 6]))]
    if random.random() < 0.1:
        lines.insert(0, random.choice(["", "# a comment", "   ", "!"]))
    text = "\n".join(lines) + random.choice(["", "\n"])
    return "\ufeff" + text if random.random() < 0.02 else text
