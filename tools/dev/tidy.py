#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tidy.py REPO BUILD CACHE [SOURCE...]: clang-tidy over the repository's sources that changed since they were clean.

Which sources there are, and how they are compiled, is read from BUILD/compile_commands.json; which
headers each one includes, from ninja's record of the last build. Tests are left out: they run, also under sanitisers,
and looking at them costs as much again. A source is skipped when its clean
stamp exists in CACHE: the stamp's name is a hash of everything that its diagnostics depend on. Exit
status 0: all clean. The last line is `N clean, N with findings`.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

TIDY = "clang-tidy-19"
STAMP_DAYS = 60
MOST_IN_GROUP = 8


def dependencies(build):
    """object file -> the files it was made from, as ninja recorded them"""
    text = subprocess.run(["ninja", "-C", build, "-t", "deps"], check=True, capture_output=True, text=True).stdout
    found, current = {}, None
    for line in text.splitlines():
        if line.startswith("    "):
            found[current].append(line.strip())
        elif ": #deps" in line:
            current = line.split(": #deps")[0]
            found[current] = []
    return found


def preprocessed(entry, words):
    """What a source that the build leaves out (the benchmarks') would be made from; [] when it cannot be read"""
    left_out = {words.index("-o"), words.index("-o") + 1}
    command = [word for i, word in enumerate(words) if i not in left_out and word != "-c"] + ["-M"]
    ran = subprocess.run(command, cwd=entry["directory"], capture_output=True, text=True)
    return shlex.split(ran.stdout.replace("\\\n", " "))[1:] if ran.returncode == 0 else []


def file_hash(path, known={}):
    if path not in known:
        known[path] = hashlib.sha256(path.read_bytes()).hexdigest()
    return known[path]


def stamp_name(repo, build, entry, headers):
    """A hash that does not depend on where the clone is. System headers count by path and size."""
    digest = hashlib.sha256()
    digest.update(subprocess_version().encode())
    digest.update(file_hash(repo / ".clang-tidy").encode())
    digest.update(entry["command"].replace(str(build), "BUILD").replace(str(repo), "REPO").encode())
    for name in sorted(set(headers)):
        path = pathlib.Path(os.path.normpath(build / name))
        if path.is_relative_to(repo):
            digest.update(f"{path.relative_to(repo)} {file_hash(path)}\n".encode())
        else:
            digest.update(f"{path} {path.stat().st_size}\n".encode())
    return digest.hexdigest()


def subprocess_version(known=[]):
    if not known:
        known.append(subprocess.run([TIDY, "--version"], check=True, capture_output=True, text=True).stdout)
    return known[0]


def precompiled_of(entry, build):
    """The precompiled header that it is compiled with, as ninja names it; empty when there is none."""
    found = [word for word in shlex.split(entry["command"]) if word.endswith("cmake_pch.hxx")]
    return f"{os.path.relpath(found[0], build)}.gch" if found else ""


def without_precompiled(command):
    """The compiler's command as it is without precompiled headers: a source must include what it uses."""
    words = shlex.split(command)
    kept, left_out = [], False
    for word in words:
        if left_out:
            left_out = False
            if word.endswith("cmake_pch.hxx"):
                kept.pop()
                continue
        elif word == "-include":
            left_out = True
        elif word in ("-Winvalid-pch", "-fpch-preprocess"):
            continue
        kept.append(word)
    return shlex.join(kept)


def local_names(source):
    """What is declared in its unnamed namespaces, each with the namespace around it; rather too much than too little."""
    found, around, unnamed = set(), "", False
    for line in source.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"namespace ([\w:]+) \{", line):
            around = match[1]
        elif line == "namespace {":
            unnamed = True
        elif line == "}  // namespace":
            unnamed = False
        elif unnamed and re.match(r"[A-Za-z]", line):
            names = re.findall(r"\b(?:struct|class|enum|concept) (\w+)", line)
            names += re.findall(r"\b(\w+)(?= ?[({=;\[])", line)
            found |= {(around, name) for name in names}
    return found


def flags_of(entry):
    """The compiler's command without the file and the object."""
    words = shlex.split(entry["command"])
    left_out = {words.index("-o"), words.index("-o") + 1, words.index("-c"), words.index("-c") + 1}
    return shlex.join(word for i, word in enumerate(words) if i not in left_out)


def in_groups(todo):
    """Sources that can be one translation unit: the same flags, and no local name twice. The headers, which take most of
    the time, are then looked at once for all of them."""
    groups = []
    for entry, source, stamp in todo:
        flags, names = flags_of(entry), local_names(source)
        for group in groups:
            if group["flags"] == flags and len(group["sources"]) < MOST_IN_GROUP and not names & group["names"]:
                break
        else:
            group = {"flags": flags, "names": set(), "sources": [], "directory": entry["directory"]}
            groups.append(group)
        group["names"] |= names
        group["sources"].append((source, stamp))
    return groups


def look_at(build, source):
    ran = subprocess.run([TIDY, "--quiet", "-p", build, "--extra-arg=-Wno-unknown-warning-option", source],
                         capture_output=True, text=True)
    return ran.returncode, ran.stdout, ran.stderr


def check(build, group):
    """(source, stamp, findings) of each. Sources that are no unit together are looked at alone."""
    sources = group["sources"]
    if len(sources) > 1:
        status, findings, _ = look_at(build, group["file"])
        if status == 0:
            return [(source, stamp, "") for source, stamp in sources]
        if findings and "[clang-diagnostic" not in findings:
            named = [str(source) in findings for source, _ in sources]
            # one in a header is everybody's
            return [(source, stamp, findings if here or not any(named) else "")
                    for (source, stamp), here in zip(sources, named)]
    told = []
    for source, stamp in sources:
        status, findings, errors = look_at(build, source)
        told.append((source, stamp, "" if status == 0 else findings or errors or "it failed"))
    return told


def main():
    repo, build, cache = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
    only = {(repo / name).resolve() for name in sys.argv[4:]}
    cache.mkdir(parents=True, exist_ok=True)
    for stamp in cache.iterdir():
        if time.time() - stamp.stat().st_mtime > STAMP_DAYS * 86400:
            stamp.unlink(missing_ok=True)

    deps = dependencies(build)
    todo, clean, bad = [], 0, 0
    commands = json.loads((build / "compile_commands.json").read_text())
    precompiled = [precompiled_of(entry, build) for entry in commands]
    for entry in commands:
        entry["command"] = without_precompiled(entry["command"])
    for entry, common in zip(commands, precompiled):
        source = pathlib.Path(entry["file"])
        if not source.is_relative_to(repo) or source.is_relative_to(build) or source.stem.endswith("_test"):
            continue
        if only and source not in only:
            continue
        words = shlex.split(entry["command"])
        output = entry.get("output") or words[words.index("-o") + 1]
        headers = deps[output] if output in deps else preprocessed(entry, words)
        # what a precompiled header was made from is recorded with it alone
        headers = [name for name in headers + deps.get(common, []) if not name.endswith(".gch")]
        if not headers:
            print(f"{source.relative_to(repo)}: cannot be preprocessed, so not looked at")
            bad += 1
            continue
        stamp = cache / stamp_name(repo, build, entry, headers)
        if stamp.exists():
            stamp.touch()
            clean += 1
        else:
            todo.append((entry, source, stamp))

    plain = build / "tidy"
    plain.mkdir(exist_ok=True)
    groups = in_groups(todo)
    for i, group in enumerate(groups):
        group["file"] = plain / f"group_{i}.cpp"
        group["file"].write_text("".join(f'#include "{source}"  // NOLINT\n' for source, _ in group["sources"]))
        commands.append({"directory": group["directory"], "file": str(group["file"]),
                         "command": f"{group['flags']} -o group_{i}.o -c {group['file']}"})
    (plain / "compile_commands.json").write_text(json.dumps(commands))

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in concurrent.futures.as_completed([pool.submit(check, plain, group) for group in groups]):
            for source, stamp, findings in done.result():
                if findings:
                    bad += 1
                    print(f"== {source.relative_to(repo)}\n{findings}", flush=True)
                else:
                    stamp.touch()
                    clean += 1

    print(f"{clean} clean, {bad} with findings")
    # nothing looked at is a mistake of the set-up, not a pass
    return 0 if bad == 0 and clean > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
