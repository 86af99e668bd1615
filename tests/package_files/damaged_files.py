#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole files against Python's own parsers, then the same files damaged in many ways.

    damaged_files.py DUMP [ROUNDS [SEED]]

Of the whole ones names and versions are compared with what tomllib, json and configparser read. Of the damaged
ones nothing is asked but an answer; most of its worth is in the sanitiser build.
"""

import configparser
import json
import random
import re
import sys
import tomllib

import dump

FILES = {
    "requirements.txt": """--index-url https://download.pytorch.org/whl/cu124
torch==2.6.0 \\
    --hash=sha256:00 # comment
numpy[x]>=1.26,<2 ; python_version < "3.13" and (os_name == 'posix' or extra == "gpu")
-r base.txt
-e git+https://example.org/x.git@v1#egg=y[z]
name @ https://example.org/name-1.0%2Bcpu-cp311-cp311-linux_x86_64.whl
""",
    "pyproject.toml": """[project]
name = "service"
requires-python = ">=3.10"
dependencies = ["torch==2.6.0", "numpy<2", 'uvicorn[standard]>=0.30 ; python_version >= "3.10"']
[project.optional-dependencies]
gpu = ["onnxruntime-gpu~=1.20.0"]
[tool.poetry.dependencies]
python = "^3.10"
scipy = {version = "~1.14", optional = true, source = "s"}
[[tool.poetry.source]]
name = "s"
url = \"\"\"https://download.pytorch.org/whl/\\
   cpu\"\"\"
[tool.uv.sources]
torch = [{index = "s", marker = "sys_platform == 'linux'"}]
""",
    "setup.cfg": """[options]
python_requires = >=3.9
install_requires =
    torch>=2
    numpy ; python_version < "3.12"
[options.extras_require]
gpu =
    onnxruntime-gpu
""",
    "uv.lock": """version = 1
[[package]]
name = "torch"
version = "2.6.0+cu124"
source = { registry = "https://download.pytorch.org/whl/cu124" }
wheels = [{ url = "https://example.org/x.whl", hash = "sha256:00", size = 1 }]
[[package]]
name = "numpy"
version = "1.26.4"
""",
    "poetry.lock": """[[package]]
name = "torch"
version = "2.6.0"
optional = false
files = [{file = "torch.whl", hash = "sha256:00"}]
[package.source]
type = "git"
url = "https://example.org/torch"
resolved_reference = "abc"
[metadata]
python-versions = ">=3.10,<4.0"
""",
    "Pipfile.lock": """{"_meta": {"requires": {"python_version": "3.11"}},
 "default": {"torch": {"version": "==2.6.0", "markers": "os_name == 'posix'"}},
 "develop": {"pytest": {"version": "==8.0.0"}}}
""",
    "environment.yml": """channels: [pytorch, conda-forge]
dependencies:
  - python=3.11
  - pytorch::pytorch=2.5.1=py3.11_cuda12.4_cudnn9
  - numpy >=1.26,<2
  - pip: [onnxruntime==1.20.1, "-r requirements.txt"]
""",
    "Dockerfile": """# syntax=docker/dockerfile:1
ARG TAG=3.11-slim
FROM python:${TAG} AS base
ENV A=1 B="$A two" PATH=/venv/bin:$PATH
WORKDIR /app
RUN --mount=type=cache,target=/root/.cache <<EOF
pip install torch==2.6.0 'numpy<2' --index-url=https://download.pytorch.org/whl/cpu
EOF
FROM base
COPY --from=base --chown=1:1 ["models/", "/app/models/"]
RUN apt-get update && apt-get install -y libgl1 \\
  # comment
  && uv pip install -r requirements.txt
HEALTHCHECK --interval=5s CMD curl ${B:-x}
CMD ["uvicorn", "main:app"]
""",
    ".dockerignore": "# c\n**/*.pth\n!models/[a-z]*.pth\n/data/**\nx\\*y\n[[:alpha:]]?\n",
    ".gitignore": "*.pth\n!/models/**/x.pth\n[!a-c]\\ \ndata/\n[[:digit:]\\]]*\n",
    ".gitattributes": "[attr]model filter=lfs -text\n*.pth model\n\"a \\142\\t.bin\" filter=lfs\n",
}
GLUE = [b"\\", b'"', b"'", b"[", b"]", b"{", b"}", b"$", b"${", b"<<EOF", b"\n", b"\r\n", b"\0", b"\xff", b"\xff\xfe",
        b"#", b";", b"@", b"**", b"!", b"(", b")", b"==", b",", b".", b"-", b"&&", b"\t", b"\xe2\x82", b"999999999999999999999"]


def question(name, content):
    return {"ask": "file", "name": name, "hex": content.hex()}


def whole_files(program):
    tally = dump.Tally("whole files")
    answers = dict(zip(FILES, dump.ask(program, [question(name, text.encode()) for name, text in FILES.items()])))

    def names(texts):
        return sorted(re.match(r"[A-Za-z0-9._-]+", text)[0] for text in texts)

    project = tomllib.loads(FILES["pyproject.toml"])
    wanted = names(project["project"]["dependencies"] + project["project"]["optional-dependencies"]["gpu"]) + ["scipy"]
    tally.equal("pyproject.toml", sorted(r["name"] for r in answers["pyproject.toml"]["requirements"]), sorted(wanted))
    tally.equal("source", answers["pyproject.toml"]["indexes"][0]["url"], project["tool"]["poetry"]["source"][0]["url"])
    for name in ("uv.lock", "poetry.lock"):
        wanted = [[package["name"], package["version"]] for package in tomllib.loads(FILES[name])["package"]]
        tally.equal(name, [[package["name"], package["version"]] for package in answers[name]["packages"]], wanted)
    pipfile = json.loads(FILES["Pipfile.lock"])
    wanted = [[group, name, pipfile[group][name]["version"]] for group in ("default", "develop") for name in pipfile[group]]
    tally.equal("Pipfile.lock", [[p["groups"][0], p["name"], "==" + p["version"]]
                                 for p in answers["Pipfile.lock"]["packages"]], wanted)
    config = configparser.ConfigParser()
    config.read_string(FILES["setup.cfg"])
    lines = config["options"]["install_requires"].split("\n") + config["options.extras_require"]["gpu"].split("\n")
    tally.equal("setup.cfg", sorted(r["name"] for r in answers["setup.cfg"]["requirements"]), names(filter(None, lines)))
    for name, answer in answers.items():
        problems = answer["problems"] if isinstance(answer, dict) else []
        tally.equal(f"problems of {name}", problems, [])
    return tally.close()


def damaged(chance, content):
    content = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 4, 8])):
        at = chance.randrange(len(content) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            content[at:at + chance.choice([1, 1, 3, 20])] = b""
        elif kind == 1:
            content[at:at] = chance.choice(GLUE) * chance.choice([1, 1, 1, 2, 50])
        elif kind == 2 and at < len(content):
            content[at] = chance.randrange(256)
        elif kind == 3:
            other = chance.randrange(len(content) + 1)
            content[at:at] = content[other:other + chance.randrange(60)]
        else:
            content[at:] = b"" if chance.random() < 0.2 else content[at:]
    return bytes(content)


def damaged_files(chance, rounds, program):
    tally = dump.Tally("damaged files")
    questions = [question(name, damaged(chance, text.encode())) for name, text in FILES.items() for _ in range(rounds)]
    for asked, answer in zip(questions, dump.ask(program, questions)):
        tally.equal(asked["name"], answer is not None, True)
    return tally.close()


def main():
    program = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 400
    chance = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 11)
    return max(whole_files(program), damaged_files(chance, rounds, program))


if __name__ == "__main__":
    sys.exit(main())
