#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A manual page out of what the program says of itself, so that it cannot go stale.

    make_man.py runup.1 CHANGELOG RUNUP        from `runup help` and `runup COMMAND --help`
    make_man.py runup.yaml.5 CHANGELOG RUNUP   from `runup config --schema` and `runup list`
    make_man.py runupd.8 CHANGELOG SOURCE      SOURCE with its title line filled in

The date is SOURCE_DATE_EPOCH, or that of the newest entry of Debian's CHANGELOG.
"""

import json
import os
import re
import subprocess
import sys
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path


def roff(text):
    """Plain text, safe in a line of its own; `code` is bold."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("…", "...")
    text = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", text)
    return "\\&" + text if text.startswith((".", "'")) else text


def title(page, changelog):
    text = changelog.read_text(encoding="utf-8")
    version = re.match(r"\S+ \(([^-)]*)", text).group(1)
    date = parsedate_to_datetime(re.search(r"^ -- .*>  (.*)$", text, re.MULTILINE).group(1))
    if "SOURCE_DATE_EPOCH" in os.environ:
        date = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), timezone.utc)
    name, _, section = page.rpartition(".")
    part = {"1": "User Commands", "5": "File Formats", "8": "System Administration"}[section]
    day = date.astimezone(timezone.utc).strftime("%Y\\-%m\\-%d")
    return f'.TH "{name.upper()}" {section} "{day}" "runup {version}" "{part}"'


def said(runup, *words):
    # what is said must not depend on where it is built
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "COLUMNS": "80"}
    return subprocess.run([runup, *words], check=True, capture_output=True, text=True, encoding="utf-8",
                          env=environment).stdout


def example(lines):
    return [".EX", *(roff(line) for line in lines), ".EE"]


def items(lines):
    """`  term   what it is` with continued lines as a tagged list; None when the lines are something else."""
    made, column = [], 0
    for line in lines:
        start = re.match(r"  +(?:\S| (?! ))+", line)
        if column and not line[:column].strip() and line.strip():
            made[-1][1].append(line.strip())
            continue
        pair = re.fullmatch(r" {2,8}(\S(?:\S| (?! ))*)(?:  +(\S.*))?", line)
        if not start or not pair or (pair.group(2) and "    " in pair.group(2)):
            return None
        made.append((pair.group(1), [pair.group(2)] if pair.group(2) else []))
        if pair.group(2):
            column = pair.start(2)
    return [row for term, text in made for row in (".TP", f"\\fB{roff(term)}\\fR", roff(" ".join(text)) or "\\&")]


def parts(text):
    """The lines before the first heading, and the (heading, lines) of a help text. The first two lines at the margin are
    what the program or command does and its usage; later ones are headings."""
    introduction, sections, usage = [], [], False
    for line in text.splitlines():
        if usage and line and not line.startswith(" "):
            sections.append((line, []))
        else:
            (sections[-1][1] if sections else introduction).append(line)
        usage = usage or line.startswith("usage: ")
    return introduction, [(name, trimmed(lines)) for name, lines in sections]


def trimmed(lines):
    return "\n".join(lines).strip("\n").split("\n")


def section_rows(name, lines):
    if name in ("Examples", "Exit codes"):
        return example(line[2:] for line in lines)
    return items([line for line in lines if line]) or example(line[2:] for line in lines)


def commands_of(sections):
    lines = dict(sections)["Commands"]
    return [line.split()[0] for line in lines if re.match(r"  \S", line)]


def runup_page(runup):
    introduction, sections = parts(said(runup, "help"))
    rows = [".SH NAME", "runup \\- deployment preflight for model servers", ".SH SYNOPSIS",
            ".B runup", "\\fICOMMAND\\fR [\\fIOPTIONS\\fR]", ".SH DESCRIPTION", roff(introduction[0])]
    for name, lines in sections:
        heading = {"General": "OPTIONS", "Exit codes": "EXIT STATUS"}.get(name, name.upper())
        rows += [f".SH {heading}", *section_rows(name, lines)]
    for command in commands_of(sections):
        introduction, own = parts(said(runup, command, "--help"))
        usage = next(line for line in introduction if line.startswith("usage: "))
        rows += [f'.SH "RUNUP {command.upper()}"', f"\\fB{roff(usage.removeprefix('usage: '))}\\fR", ".PP",
                 *(roff(line) for line in introduction if line and not line.startswith("usage: "))]
        for name, lines in own:
            if name not in ("General", "Exit codes"):
                rows += [f'.SS "{name}"', *section_rows(name, lines)]
    return rows + [".SH SEE ALSO", ".BR runup.yaml (5),", ".BR runupd (8)"]


def type_of(schema):
    if "enum" in schema:
        return ", ".join(f"`{value}`" if isinstance(value, str) else str(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(type_of(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return "list"
    if schema.get("type") == "object":
        return "mapping"
    kind = schema.get("type", "any value")
    return " or ".join(kind) if isinstance(kind, list) else kind


def key_rows(schema, path):
    """A tagged list of the keys below `path`, depth first."""
    for each in [schema, *schema.get("anyOf", [])]:
        for name, inner in each.get("properties", {}).items():
            yield from key_row(inner, f"{path}{name}", name in each.get("required", []))
        if isinstance(each.get("additionalProperties"), dict):
            yield from key_rows(each["additionalProperties"], f"{path}NAME.")
        if isinstance(each.get("items"), dict):
            yield from key_rows(each["items"], f"{path[:-1]}[].")


def key_row(schema, path, required):
    about = [type_of(schema)]
    if required:
        about.append("required")
    if schema.get("default") not in (None, "", [], {}):
        about.append(f"default: {json.dumps(schema['default'], ensure_ascii=False)}")
    yield from (".TP", f"\\fB{roff(path)}\\fR ({roff('; '.join(about))})", roff(schema.get("description", "")) or "\\&")
    yield from key_rows(schema, path + ".")


def yaml_page(runup):
    schema = json.loads(said(runup, "config", "--schema"))
    checks = json.loads(said(runup, "list", "--json"))["checks"]
    rows = [".SH NAME", "runup.yaml \\- what has to hold before a model server is deployed", ".SH DESCRIPTION",
            roff(schema.get("description", "")), ".PP",
            "Paths are resolved against the file, except where a key says otherwise. Unknown and duplicate keys, wrong "
            "types and bad units are errors, and nothing runs with a config that has any. A path of keys is written with "
            "dots; \\fBNAME\\fR stands for a name of yours, and \\fB[]\\fR for each entry of a list."]
    for name, inner in schema["properties"].items():
        if name != "checks":
            rows += [f'.SH "{name.upper()}:"', *key_row(inner, name, name in schema["required"])]
    rows += [".SH CHECKS:", "Options of checks are written below \\fBchecks:\\fR and the check's name."]
    options = schema["properties"]["checks"].get("properties", {})
    for check in checks:
        rows += [f'.SS "{roff(check["id"])}"', roff(check["summary"])]
        rows += key_rows(options.get(check["id"], {}), "")
    return rows + [".SH SEE ALSO", ".BR runup (1),", ".BR runupd (8)"]


def main():
    page, changelog, source = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    makers = {"runup.1": runup_page, "runup.yaml.5": yaml_page}
    rows = makers[page](source) if page in makers else [
        line for line in Path(source).read_text(encoding="utf-8").splitlines() if not line.startswith(".TH")]
    made_of = source if page not in makers else "what the program says"
    rows = [f'.\\" made by {Path(__file__).name} from {Path(made_of).name}', title(page, changelog), *rows]
    sys.stdout.reconfigure(encoding="utf-8")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
