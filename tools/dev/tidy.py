#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tidy.py REPO BUILD CACHE [SOURCE...]: clang-tidy over the repository's units that changed since they were clean.

A unit is what the compiler gets: one source, or several that CMake includes in one file. Which units there are, and how
they are compiled, is read from BUILD/compile_commands.json; which headers each one includes, from ninja's record of the
last build. With sources given, only the units that hold one of them are looked at. Tests are left out: they run, also
under sanitisers, and looking at them costs as much again. A unit is skipped when its clean stamp exists in CACHE: the
stamp's name is a hash of everything that its diagnostics depend on. Exit status 0: all clean. The last line is
`N units clean, N with findings`.
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
    """What a unit that the build leaves out (the benchmarks') would be made from; [] when it cannot be read"""
    left_out = {words.index("-o"), words.index("-o") + 1}
    command = [word for i, word in enumerate(words) if i not in left_out and word != "-c"] + ["-M"]
    ran = subprocess.run(command, cwd=entry["directory"], capture_output=True, text=True)
    return shlex.split(ran.stdout.replace("\\\n", " "))[1:] if ran.returncode == 0 else []


def file_hash(path, known={}):
    if path not in known:
        known[path] = hashlib.sha256(path.read_bytes()).hexdigest()
    return known[path]


def stamp_name(repo, build, entry, files):
    """A hash that does not depend on where the clone is. System headers count by path and size."""
    digest = hashlib.sha256()
    digest.update(subprocess_version().encode())
    digest.update(file_hash(repo / ".clang-tidy").encode())
    digest.update(entry["command"].replace(str(build), "BUILD").replace(str(repo), "REPO").encode())
    for name in sorted(set(files)):
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


def sources_of(unit, build):
    """The sources that CMake put into the unit; itself when it is one."""
    if not unit.is_relative_to(build) or unit.parent.name != "Unity":
        return [unit]
    return [pathlib.Path(name) for name in re.findall(r'^#include "(.+)"$', unit.read_text(encoding="utf-8"), re.M)]


def look_at(build, unit):
    """What is found in it; empty when it is clean."""
    # GCC's options are not all Clang's, and its precompiled headers are read as headers
    ran = subprocess.run([TIDY, "--quiet", "-p", build, "--extra-arg=-Wno-unknown-warning-option",
                          "--extra-arg=-Wno-ignored-gch", unit], capture_output=True, text=True)
    return "" if ran.returncode == 0 else ran.stdout or ran.stderr or "it failed"


def main():
    repo, build, cache = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
    only = {(repo / name).resolve() for name in sys.argv[4:]}
    cache.mkdir(parents=True, exist_ok=True)
    for stamp in cache.iterdir():
        if time.time() - stamp.stat().st_mtime > STAMP_DAYS * 86400:
            stamp.unlink(missing_ok=True)

    deps = dependencies(build)
    todo, clean, bad = [], 0, 0
    for entry in json.loads((build / "compile_commands.json").read_text()):
        unit = pathlib.Path(entry["file"])
        sources = [source for source in sources_of(unit, build)
                   if source.is_relative_to(repo) and not source.is_relative_to(build)
                   and not source.stem.endswith("_test")]
        if not sources or (only and not only.intersection(sources)):
            continue
        names = " ".join(str(source.relative_to(repo)) for source in sources)
        words = shlex.split(entry["command"])
        output = entry.get("output") or words[words.index("-o") + 1]
        files = deps[output] if output in deps else preprocessed(entry, words)
        # what a precompiled header was made from is recorded with it alone
        for word in words:
            if word.endswith("cmake_pch.hxx"):
                files = files + deps.get(f"{os.path.relpath(word, build)}.gch", [])
        if not files:
            print(f"{names}: cannot be preprocessed, so not looked at")
            bad += 1
            continue
        # CMake's own files have the clone's path in them, and say no more than the command
        files = [name for name in files if "CMakeFiles" not in pathlib.Path(name).parts]
        stamp = cache / stamp_name(repo, build, entry, files)
        if stamp.exists():
            stamp.touch()
            clean += 1
        else:
            todo.append((unit, names, stamp))

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        looks = {pool.submit(look_at, build, unit): (names, stamp) for unit, names, stamp in todo}
        for done in concurrent.futures.as_completed(looks):
            names, stamp = looks[done]
            if findings := done.result():
                bad += 1
                print(f"== {names}\n{findings}", flush=True)
            else:
                stamp.touch()
                clean += 1

    print(f"{clean} units clean, {bad} with findings")
    # nothing looked at is a mistake of the set-up, not a pass
    return 0 if bad == 0 and clean > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
