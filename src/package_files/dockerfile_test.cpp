// SPDX-License-Identifier: Apache-2.0
// Cases from Docker's reference of the Dockerfile, and what people write.

#include "package_files/dockerfile.h"

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "base/duration.h"
#include "package_files/dockerfile_syntax.h"

using namespace runup;
using Words = std::vector<std::string>;

namespace {

DockerfileFacts read(std::string_view text) { return read_dockerfile(text, "Dockerfile"); }

std::string variable(const StageFacts& stage, std::string_view name) {
  const auto found = std::ranges::find(stage.environment, name, &SettingFacts::name);
  return found == stage.environment.end() ? "(none)" : found->value;
}

}  // namespace

TEST_CASE("Dockerfile: one stage") {
  const DockerfileFacts facts = read(
      "# syntax=docker/dockerfile:1\n"
      "FROM python:3.11-slim\n"
      "WORKDIR /app\n"
      "WORKDIR server\n"
      "ENV A=1 B=\"two words\" C=x\\ y\n"
      "ENV OLD the rest of the line\n"
      "COPY requirements.txt .\n"
      "RUN pip install --no-cache-dir -r requirements.txt\n"
      "COPY models/ ./models/\n"
      "ADD [\"a b.txt\", \"/data/\"]\n"
      "EXPOSE 8000 9000/udp\n"
      "USER app:app\n"
      "HEALTHCHECK --interval=5s CMD curl -f http://localhost:8000/live\n"
      "CMD [\"uvicorn\", \"main:app\"]\n");
  CHECK(facts.problems.empty());
  REQUIRE(facts.stages.size() == 1);
  const StageFacts& built = facts.built;
  CHECK(built.image == "python:3.11-slim");
  CHECK(built.workdir == "/app/server");
  CHECK(built.workdir_line == 4);
  CHECK(variable(built, "B") == "two words");
  CHECK(variable(built, "C") == "x y");
  CHECK(variable(built, "OLD") == "the rest of the line");
  REQUIRE(built.copies.size() == 3);
  CHECK(built.copies[0].destination == "/app/server/");
  CHECK(built.copies[1].sources == Words{"models/"});
  CHECK(built.copies[1].destination == "/app/server/models/");
  CHECK(built.copies[2].add);
  CHECK(built.copies[2].sources == Words{"a b.txt"});
  CHECK(built.exposed == Words{"8000", "9000/udp"});
  CHECK(built.user == "app:app");
  REQUIRE(built.healthcheck);
  CHECK(built.healthcheck->text == "curl -f http://localhost:8000/live");
  REQUIRE(built.command);
  CHECK(built.command->exec);
  CHECK(built.command->words == Words{"uvicorn", "main:app"});
  CHECK(built.command->line == 14);
  REQUIRE(built.installs.size() == 1);
  CHECK(built.installs[0].files == Words{"requirements.txt"});
  CHECK(built.installs[0].line == 8);
}

TEST_CASE("Dockerfile: continued lines, comments and empty lines inside, another escape") {
  const DockerfileFacts facts = read(
      "from alpine\r\n"
      "RUN echo a \\\r\n"
      "  # not part of it\r\n"
      "\r\n"
      "  && pip3 install torch\r\n"
      "RUN echo two\\\\\r\n"
      "CMD x\r\n");
  CHECK(facts.problems.empty());
  REQUIRE(facts.built.runs.size() == 2);
  CHECK(facts.built.runs[0].text == "echo a   && pip3 install torch");
  CHECK(facts.built.runs[0].line == 2);
  CHECK(facts.built.installs[0].packages == Words{"torch"});
  CHECK(facts.built.runs[1].text == "echo two\\\\");
  const DockerfileFacts windows = read("# escape=`\nFROM x\nWORKDIR C:\\app\nRUN a `\n b\n");
  CHECK(windows.built.runs[0].text == "a  b");
  // a comment before it makes a comment of it
  CHECK(read("# hello\n# escape=`\nFROM x\nRUN a `\nRUN b\n").built.runs.size() == 2);
}

TEST_CASE("Dockerfile: stages") {
  const DockerfileFacts facts = read(
      "ARG TAG=3.11\n"
      "FROM python:${TAG} AS Base\n"
      "ENV MODEL=/models\n"
      "WORKDIR /srv\n"
      "CMD [\"old\"]\n"
      "FROM base as builder\n"
      "RUN pip install build-only\n"
      "FROM base\n"
      "COPY --from=builder --chown=1:1 /x $MODEL/x\n"
      "COPY --from=0 /y y\n"
      "COPY --from=nginx:latest /z /z\n"
      "ENTRYPOINT [\"python\"]\n");
  CHECK(facts.problems.empty());
  REQUIRE(facts.stages.size() == 3);
  CHECK(facts.stages[0].name == "base");
  CHECK(facts.stages[1].based_on == 0);
  CHECK(facts.built_stage == 2);
  CHECK(facts.built.image == "python:3.11");
  CHECK(facts.built.workdir == "/srv");
  CHECK(facts.built.installs.empty());
  REQUIRE(facts.built.copies.size() == 3);
  CHECK(facts.built.copies[0].from == "builder");
  CHECK(facts.built.copies[0].from_stage == 1);
  CHECK(facts.built.copies[0].destination == "/models/x");
  CHECK(facts.built.copies[1].from_stage == 0);
  CHECK(facts.built.copies[1].destination == "/srv/y");
  CHECK(facts.built.copies[2].from_stage == -1);
  // the ENTRYPOINT of a later stage takes back the CMD of an earlier one
  CHECK_FALSE(facts.built.command);
  CHECK(read_dockerfile("FROM a AS x\nUSER u\nFROM b\n", "Dockerfile", {.target = "X"}).built.user == "u");
  CHECK(read_dockerfile("FROM a AS x\n", "Dockerfile", {.target = "y"}).problems.size() == 1);
}

TEST_CASE("Dockerfile: variables") {
  const DockerfileFacts facts = read(
      "ARG OUTER=1\n"
      "FROM x:$OUTER\n"
      "ENV SEEN=${OUTER:-no}\n"
      "ARG OUTER\n"
      "ENV NOW=$OUTER\n"
      "ARG EMPTY\n"
      "ENV D=${EMPTY:-default} E=${EMPTY} F=${NOW:+set} G=${GONE:+set} H='$NOW' I=\"$NOW\" J=\\$NOW\n"
      "ENV NOW=2 K=$NOW\n"
      "ENV PATH=/venv/bin:$PATH\n"
      "ARG NOW=3\n"
      "ENV L=$NOW M=${NOW:-${D}} N=${GONE:-${NOW}x} O=${PATH%%:*}\n");
  CHECK(facts.problems.empty());
  CHECK(facts.built.image == "x:1");
  const auto is = [&](std::string_view name, std::string_view value) {
    INFO(name);
    CHECK(variable(facts.built, name) == value);
  };
  is("SEEN", "no");
  is("NOW", "2");
  is("D", "default");
  is("E", "${EMPTY}");
  is("F", "set");
  is("G", "");
  is("H", "$NOW");
  is("I", "1");
  is("J", "$NOW");
  is("K", "1");
  is("PATH", "/venv/bin:$PATH");
  // ENV wins over ARG
  is("L", "2");
  is("M", "2");
  is("N", "2x");
  is("O", "${PATH%%:*}");
  CHECK(read_dockerfile("ARG T=1\nFROM x:$T\n", "Dockerfile", {.arguments = {{"T", "2"}}}).built.image ==
        "x:2");
}

TEST_CASE("Dockerfile: the exec form is JSON, all else goes to the shell") {
  const DockerfileFacts facts = read("FROM x\nCMD ['python', 'main.py']\nENTRYPOINT exec python main.py\n");
  REQUIRE(facts.built.command);
  CHECK_FALSE(facts.built.command->exec);
  CHECK(facts.built.command->text == "['python', 'main.py']");
  CHECK_FALSE(facts.built.entrypoint->exec);
}

TEST_CASE("Dockerfile: here-documents") {
  const DockerfileFacts facts = read(
      "FROM x\n"
      "RUN <<EOF\n"
      "pip install torch\n"
      "FROM nowhere\n"
      "EOF\n"
      "COPY <<-\"A\" <<B /etc/\n"
      "\tone\n"
      "\tA\n"
      "two\n"
      "B\n"
      "RUN python3 <<PY > log\n"
      "print(1)\n"
      "PY\n"
      "RUN [\"cat\", \"<<X\"]\n"
      "USER me\n");
  CHECK(facts.problems.empty());
  CHECK(facts.stages.size() == 1);
  CHECK(facts.built.user == "me");
  REQUIRE(facts.built.runs.size() == 3);
  CHECK(facts.built.runs[0].text == "pip install torch\nFROM nowhere\n");
  CHECK(facts.built.installs[0].packages == Words{"torch"});
  CHECK(facts.built.copies[0].sources.empty());
  CHECK(facts.built.copies[0].destination == "/etc/");
  CHECK(read("FROM x\nRUN <<EOF\na\n").problems.size() == 1);
}

TEST_CASE("Dockerfile: what is installed") {
  const DockerfileFacts facts = read(
      "FROM x\n"
      "ARG V=2.6.0\n"
      "RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "
      "libgl1 "
      "libglib2.0-0=1.0 && rm -rf /var/lib/apt/lists/* ; true\n"
      "RUN python3.11 -m pip install -U 'torch==${V}' \"numpy<2\" torchvision==$V -f wheels --index-url "
      "https://download.pytorch.org/whl/cpu 2>&1 | tee log\n"
      "RUN [\"pip\", \"install\", \"-rreq.txt\"]\n"
      "RUN [\"/bin/sh\", \"-c\", \"pip install a; pip install b\"]\n"
      "RUN uv pip install --system -r a.txt -c b.txt fastapi && uv sync --frozen\n"
      "RUN if [ -n \"$X\" ]; then pip install c; fi # pip install d\n"
      "RUN apk add --no-cache --virtual .deps gcc\n"
      "RUN echo pip install no && pip download no\n"
      "RUN conda env update -n base -f environment.yml && conda install -c pytorch pytorch\n"
      "RUN poetry install --only main\n"
      "RUN (cd /x && /opt/venv/bin/pip install -e .)\n");
  std::vector<std::string> found;
  for (const InstallFacts& install : facts.built.installs) {
    std::string text = install.tool + ":";
    for (const auto& list : {install.packages, install.files}) {
      for (const std::string& word : list) {
        text += " " + word;
      }
    }
    found.push_back(text);
  }
  CHECK(found == Words{"apt: libgl1 libglib2.0-0=1.0", "pip: torch==${V} numpy<2 torchvision==2.6.0",
                       "pip: req.txt", "pip: a", "pip: b", "uv: fastapi a.txt", "uv:", "pip: c", "apk: gcc",
                       "conda: environment.yml", "conda: pytorch", "poetry:", "pip: ."});
  REQUIRE(facts.built.installs[1].indexes.size() == 2);
  CHECK(facts.built.installs[1].indexes[1].torch_build == "cpu");
}

TEST_CASE("Dockerfile: what Docker refuses") {
  const auto problem = [](std::string_view text) {
    const DockerfileFacts facts = read(text);
    INFO(text);
    REQUIRE(facts.problems.size() == 1);
    return facts.problems.front().message;
  };
  CHECK(problem("RUN x\nFROM y\n") == "`RUN` before the first `FROM`");
  CHECK(problem("FROM y\nCOPPY a b\n") == "`COPPY` is no instruction that Docker knows");
  CHECK(problem("FROM y\nCOPY a\n") == "`COPY a`; expected a source and a destination");
  CHECK(problem("FROM y z\n") == "`FROM y z`; expected `FROM IMAGE` or `FROM IMAGE AS NAME`");
  CHECK(problem("") == "no `FROM`; expected at least one");
  CHECK(problem("FROM y\nUSER\n") == "`USER` with nothing behind it");
}

TEST_CASE("Dockerfile: hostile ones end") {
  const Duration start = steady_now();
  std::string doubling = "FROM x\nENV A=aaaaaaaaaaaaaaaa\n";
  for (int i = 0; i < 40; ++i) {
    doubling += "ENV A=$A$A$A$A\n";
  }
  for (int i = 0; i < 4000; ++i) {
    doubling += "ENV B=$A\nRUN pip install $A $A $A\n";
  }
  (void)read(doubling);
  std::string nested = "FROM x\nENV A=";
  for (int i = 0; i < 50'000; ++i) {
    nested += "${B:-";
  }
  (void)read(nested);
  std::string stages;
  for (int i = 0; i < 4000; ++i) {
    stages += "FROM a AS a\nENV X" + std::to_string(i) + "=1\n";
  }
  CHECK(read(stages).stages.size() == 64);
  (void)read("FROM x\nRUN " + std::string(900'000, ';'));
  (void)read("FROM x\nCMD " + std::string(900'000, '['));
  (void)read("FROM x\nRUN " + std::string(900'000, '\''));
  CHECK(read(std::string(kMaxDockerfileBytes + 1, '#')).problems.size() == 2);
  CHECK((steady_now() - start).seconds() < 60);
}
