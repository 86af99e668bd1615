// SPDX-License-Identifier: Apache-2.0
// The expected times are worked out by hand from the rules of the platforms' manuals, which patience.h names.

#include "package_files/patience.h"

#include <catch2/catch_test_macros.hpp>

#include "package_files/dockerfile.h"
#include "package_files/waiting_times.h"

using namespace runup;

namespace {

// "start 95 s, line 2: words", one for each fact
using Lines = std::vector<std::string>;

std::string line_of(const PatienceFacts& fact) {
  std::string_view kind;
  for (const auto& [value, name] : enum_names(fact.kind)) {
    kind = value == fact.kind ? name : kind;
  }
  return std::format("{} {} s, {}:{}: {}", kind, fact.time.seconds(), fact.file, fact.line, fact.words);
}

Lines lines_of(const std::vector<PatienceFacts>& facts) {
  Lines lines;
  std::ranges::transform(facts, std::back_inserter(lines), line_of);
  return lines;
}

Lines dockerfile(std::string_view text, const std::vector<GunicornConfig>& configs = {}) {
  return lines_of(patience_of_dockerfile(read_dockerfile(text, "Dockerfile"), configs));
}

Lines compose(std::string_view text, const std::optional<HealthcheckTimes>& image = std::nullopt) {
  return lines_of(patience_of_compose(text, "compose.yaml", image, {}));
}

Lines manifest(std::string_view text) { return lines_of(patience_of_manifest(text, "k8s.yaml", {})); }

// Of a command in the shell form.
Lines started(std::string_view command, const std::vector<GunicornConfig>& configs = {}) {
  return lines_of(patience_of_gunicorn(
      {.command = {.text = std::string(command), .line = 3}, .file = "Dockerfile"}, configs));
}

std::optional<double> seconds_of(std::string_view text) {
  const auto time = parse_go_duration(text);
  return time ? std::optional(time->seconds()) : std::nullopt;
}

}  // namespace

TEST_CASE("times as Go writes them") {
  CHECK(seconds_of("30s") == 30.0);
  CHECK(seconds_of("1m30s") == 90.0);
  CHECK(seconds_of("1h0m0s") == 3600.0);
  CHECK(seconds_of("1.5m") == 90.0);
  CHECK(seconds_of("2s500ms") == 2.5);
  CHECK(seconds_of("0") == 0.0);
  for (const char* bad : {"", "30", "s", "-5s", "1m30", "5 x", "1d", "${WAIT}", "9999999999h9999999999h"}) {
    INFO(bad);
    CHECK_FALSE(parse_go_duration(bad));
  }
  CHECK(parse_count("30") == 30);
  for (const char* bad : {"", "-1", "+1", "3.0", "1e3", "9999999999", "{{ x }}"}) {
    INFO(bad);
    CHECK_FALSE(parse_count(bad));
  }
  CHECK(plain_time(Duration::from_seconds(5)) == "5 s");
  CHECK(plain_time(Duration::from_milliseconds(1500)) == "1.50 s");
  CHECK(plain_time(Duration::from_seconds(3600)) == "60 min 0 s");
}

TEST_CASE("HEALTHCHECK: Docker's values and written ones") {
  CHECK(dockerfile("FROM a\nHEALTHCHECK CMD curl localhost\n") ==
        Lines{"start 90 s, Dockerfile:2: `HEALTHCHECK`: start period 0 s, 3 x 30 s",
              "answer 30 s, Dockerfile:2: `HEALTHCHECK`: timeout 30 s"});
  CHECK(dockerfile("FROM a\n\nHEALTHCHECK --start-period=5s --interval=1m30s --timeout=2s \\\n  --retries=4 "
                   "--start-interval=1s CMD [\"curl\", \"localhost\"]\n") ==
        Lines{"start 365 s, Dockerfile:3: `HEALTHCHECK`: start period 5 s, 4 x 90 s",
              "answer 2 s, Dockerfile:3: `HEALTHCHECK`: timeout 2 s"});
  // 0 is Docker's value
  CHECK(
      dockerfile("FROM a\nHEALTHCHECK --interval=0s --retries=0 CMD x\n").front().starts_with("start 90 s"));
}

TEST_CASE("HEALTHCHECK: none, one that Docker refuses, one of the stage below") {
  CHECK(dockerfile("FROM a\nHEALTHCHECK CMD x\nHEALTHCHECK NONE\n").empty());
  CHECK(dockerfile("FROM a AS b\nHEALTHCHECK CMD x\nFROM b\nHEALTHCHECK NONE\n").empty());
  CHECK(dockerfile("FROM a AS b\nHEALTHCHECK --timeout=3s CMD x\nFROM b\n").back() ==
        "answer 3 s, Dockerfile:2: `HEALTHCHECK`: timeout 3 s");
  for (const char* flag : {"--interval=5", "--retries=x", "--wait=5s", "--timeout"}) {
    INFO(flag);
    const DockerfileFacts facts =
        read_dockerfile(std::format("FROM a\nHEALTHCHECK {} CMD x\n", flag), "Dockerfile");
    CHECK(facts.problems.size() == 1);
    CHECK(facts.built.healthcheck);
    CHECK_FALSE(facts.built.healthcheck_times);
    CHECK(patience_of_dockerfile(facts, {}).empty());
  }
}

TEST_CASE("gunicorn: its options and their forms") {
  for (const char* command :
       {"gunicorn --timeout 120 app:app", "exec gunicorn -t 120 app:app", "gunicorn -t120 app:app",
        "gunicorn app:app --timeout=120", "/venv/bin/gunicorn app:app -k sync --threads 1 -t 120",
        "python -m gunicorn app:app --timeout 120", "cd /app && poetry run gunicorn --timeout 120 a:b",
        "sleep 1; gunicorn a:b --timeout 120; echo gunicorn", "gunicorn \\\n  --timeout 120 \\\n  app:app",
        "gunicorn -b :$PORT a:b -t ${TIMEOUT:-120}", "which gunicorn && gunicorn -t 120 a:b"}) {
    INFO(command);
    CHECK(started(command) == Lines{"request 120 s, Dockerfile:3: gunicorn's `--timeout 120`"});
  }
  CHECK(started("gunicorn --graceful-timeout 10 app:app") ==
        Lines{"request 30 s, Dockerfile:3: gunicorn's `--timeout 30` by default",
              "stop 10 s, Dockerfile:3: gunicorn's `--graceful-timeout 10`"});
}

TEST_CASE("gunicorn: what is not known or has no limit is not told") {
  // for ever; the application is imported before there are workers; a value that is not known
  for (const char* command : {"gunicorn -t 0 a:b", "gunicorn -k uvicorn.workers.UvicornWorker a:b",
                              "gunicorn --threads 4 a:b", "gunicorn -t $TIMEOUT a:b"}) {
    INFO(command);
    CHECK(started(command).empty());
  }
  for (const char* command : {"uvicorn main:app", "pip install gunicorn", "echo gunicorn",
                              "gunicorn $OPTIONS a:b", "gunicorn a:b \"$@\"", "gunicorn",
                              "gunicorn -c settings.py a:b", "gunicorn -c python:conf a:b", ""}) {
    INFO(command);
    CHECK(started(command).empty());
  }
  // what is written is known even then
  CHECK(started("gunicorn $OPTIONS -t 60 a:b") ==
        Lines{"request 60 s, Dockerfile:3: gunicorn's `--timeout 60`"});
}

TEST_CASE("gunicorn: its config file") {
  const std::vector<GunicornConfig> configs{
      read_gunicorn_config("workers = 2\ntimeout = 45  # s\ngraceful_timeout=5\n", "gunicorn.conf.py"),
      read_gunicorn_config("import os\ntimeout = int(os.getenv('T', 9))\nif 1:\n  graceful_timeout = 5\n",
                           "conf/gunicorn.py"),
      read_gunicorn_config("threads = 4\ntimeout: int = 7\n", "gunicorn.py")};
  CHECK(started("gunicorn a:b", configs) ==
        Lines{"request 45 s, gunicorn.conf.py:2: gunicorn's `timeout = 45`",
              "stop 5 s, gunicorn.conf.py:3: gunicorn's `graceful_timeout = 5`"});
  // the command line wins
  CHECK(started("gunicorn -t 60 a:b", configs).front() ==
        "request 60 s, Dockerfile:3: gunicorn's `--timeout 60`");
  // Python alone knows these
  CHECK(started("gunicorn -c /app/conf/gunicorn.py a:b", configs).empty());
  CHECK(started("gunicorn --config file:gunicorn.py a:b", configs).empty());
  CHECK(started("gunicorn -c other.py a:b", configs).empty());
  // too long to be read whole
  CHECK(
      started("gunicorn a:b", {read_gunicorn_config(std::string(300'000, '#'), "gunicorn.conf.py")}).empty());
  // may or may not stand where gunicorn is started
  CHECK(started("gunicorn a:b", {read_gunicorn_config("timeout = 5\n", "app/gunicorn.conf.py")}).empty());
}

TEST_CASE("gunicorn: as ENTRYPOINT, CMD and ENV of an image start it") {
  CHECK(dockerfile("FROM a\nENTRYPOINT [\"tini\", \"--\", \"gunicorn\"]\nCMD [\"-t\", \"60\", \"a:b\"]\n")
            .front() == "request 60 s, Dockerfile:3: gunicorn's `--timeout 60`");
  CHECK(dockerfile("FROM a\nENV T=90\nCMD [\"sh\", \"-c\", \"exec gunicorn --timeout $T a:b\"]\n").front() ==
        "request 90 s, Dockerfile:3: gunicorn's `--timeout 90`");
  CHECK(dockerfile("FROM a\nENV OPTIONS=\"-w 2 --timeout 90\"\nCMD gunicorn $OPTIONS a:b\n").front() ==
        "request 90 s, Dockerfile:3: gunicorn's `--timeout 90`");
  CHECK(dockerfile("FROM a\nENTRYPOINT [\"/start.sh\"]\nCMD gunicorn -t 60 a:b\n").front() ==
        "request 60 s, Dockerfile:3: gunicorn's `--timeout 60`");
  CHECK(dockerfile("FROM a\nENV GUNICORN_CMD_ARGS=\"--timeout=77 --workers 2\"\nCMD gunicorn a:b\n") ==
        Lines{"request 77 s, Dockerfile:3: gunicorn's `--timeout 77` of `GUNICORN_CMD_ARGS`"});
  // the shell form of ENTRYPOINT does not see CMD; a bare entry point gets its arguments later
  CHECK(dockerfile("FROM a\nENTRYPOINT uvicorn x:y\nCMD [\"gunicorn\", \"a:b\"]\n").empty());
  CHECK(dockerfile("FROM a\nENTRYPOINT [\"gunicorn\"]\n").empty());
}

TEST_CASE("gunicorn: Procfile") {
  CHECK(lines_of(patience_of_procfile("# web: gunicorn x:y\nrelease: ./migrate\nweb: gunicorn a:b -t 60\n",
                                      "Procfile", {})) ==
        Lines{"request 60 s, Procfile:3: gunicorn's `--timeout 60`"});
}

TEST_CASE("Compose: the services that are built") {
  CHECK(compose("services:\n"
                "  db:\n    image: postgres\n    healthcheck: {test: x, interval: 1s}\n"
                "  web:\n    build: .\n    stop_grace_period: 1m30s\n"
                "    healthcheck:\n      test: [CMD, curl, localhost]\n      start_period: 20s\n"
                "      interval: 10s\n      retries: 5\n      timeout: ${WAIT:-2s}\n") ==
        Lines{"start 70 s, compose.yaml:8: `healthcheck` of `web`: start period 20 s, 5 x 10 s",
              "answer 2 s, compose.yaml:8: `healthcheck` of `web`: timeout 2 s",
              "stop 90 s, compose.yaml:7: `stop_grace_period` of `web`: 90 s"});
}

TEST_CASE("Compose: without a built service, all but what others make") {
  CHECK(compose("services:\n"
                "  db: {image: 'docker.io/bitnami/redis:7', stop_grace_period: 1s}\n"
                "  proxy: {image: \"nginx@sha256:00\", stop_grace_period: 1s}\n"
                "  web: {image: 'registry:5000/team/redis-service:1', stop_grace_period: 3s}\n") ==
        Lines{"stop 3 s, compose.yaml:4: `stop_grace_period` of `web`: 3 s"});
}

TEST_CASE("Compose: health checks that say nothing") {
  for (const char* check : {"{disable: true}", "{test: NONE}", "{test: [NONE]}", "{test: x, interval: 5}",
                            "{test: x, timeout: '${WAIT}'}", "{test: x, retries: many}", "[]", "x", ""}) {
    INFO(check);
    CHECK(compose(std::format("services:\n  web:\n    build: .\n    healthcheck: {}\n", check)).empty());
  }
}

TEST_CASE("Compose: a health check keeps the image's values that it does not give") {
  const HealthcheckTimes image{.start_period = Duration::from_seconds(60),
                               .interval = Duration::from_seconds(5),
                               .timeout = Duration::from_seconds(1),
                               .retries = 2};
  CHECK(compose("services:\n  web:\n    build: .\n    healthcheck:\n      interval: 10s\n", image) ==
        Lines{"start 80 s, compose.yaml:4: `healthcheck` of `web`: start period 60 s, 2 x 10 s",
              "answer 1 s, compose.yaml:4: `healthcheck` of `web`: timeout 1 s"});
  CHECK(compose("services:\n  web:\n    image: b\n    healthcheck:\n      test: x\n", image).front() ==
        "start 90 s, compose.yaml:4: `healthcheck` of `web`: start period 0 s, 3 x 30 s");
}

TEST_CASE("Compose: merge keys") {
  CHECK(compose("x-common: &common\n  stop_grace_period: 5s\n  build: .\n"
                "services:\n  a:\n    <<: *common\n  b:\n    <<: [*common]\n    stop_grace_period: 6s\n") ==
        Lines{"stop 5 s, compose.yaml:2: `stop_grace_period` of `a`: 5 s",
              "stop 6 s, compose.yaml:9: `stop_grace_period` of `b`: 6 s"});
}

TEST_CASE("Compose: gunicorn") {
  const std::string head = "services:\n  web:\n    build: .\n";
  for (const char* command : {"gunicorn a:b --timeout 60", "[gunicorn, 'a:b', '--timeout=${T:-60}']",
                              "sh -c 'gunicorn a:b -t 60'", "[sh, -c, 'gunicorn a:b -t 60']"}) {
    INFO(command);
    CHECK(compose(std::format("{}    command: {}\n", head, command)).front() ==
          "request 60 s, compose.yaml:4: gunicorn's `--timeout 60`");
  }
  for (const char* environment : {"{GUNICORN_CMD_ARGS: -t 60}", "['GUNICORN_CMD_ARGS=-t 60']"}) {
    INFO(environment);
    CHECK(compose(std::format("{}    command: gunicorn a:b\n    environment: {}\n", head, environment))
              .front() == "request 60 s, compose.yaml:4: gunicorn's `--timeout 60` of `GUNICORN_CMD_ARGS`");
  }
  for (const char* environment : {"{GUNICORN_CMD_ARGS: }", "[GUNICORN_CMD_ARGS]"}) {
    INFO(environment);
    CHECK(compose(std::format("{}    command: gunicorn a:b\n    environment: {}\n", head, environment))
              .empty());
  }
}

TEST_CASE("Kubernetes: the probes of a container") {
  CHECK(manifest("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\n"
                 "spec:\n  template:\n    spec:\n      terminationGracePeriodSeconds: 20\n      containers:\n"
                 "        - name: web\n          image: a\n"
                 "          startupProbe: {initialDelaySeconds: 5, failureThreshold: 30, timeoutSeconds: 9}\n"
                 "          livenessProbe: {periodSeconds: 5, timeoutSeconds: 2}\n"
                 "          readinessProbe: {httpGet: {path: /}}\n") ==
        Lines{"start 305 s, k8s.yaml:11: `startupProbe` of `web`: 5 s + 30 x 10 s",
              "answer 2 s, k8s.yaml:12: `livenessProbe` of `web`: timeout 2 s",
              "answer 1 s, k8s.yaml:13: `readinessProbe` of `web`: timeout 1 s",
              "stop 20 s, k8s.yaml:7: `terminationGracePeriodSeconds` of `api`: 20 s"});
}

TEST_CASE(
    "Kubernetes: without a startupProbe the livenessProbe ends a slow start; a readinessProbe never does") {
  CHECK(manifest(
            "kind: Pod\nspec:\n  containers:\n  - name: web\n    image: a\n"
            "    livenessProbe: {initialDelaySeconds: 15, periodSeconds: 0}\n  - name: other\n    image: b\n"
            "    readinessProbe: {initialDelaySeconds: 1}\n") ==
        Lines{"start 45 s, k8s.yaml:6: `livenessProbe` of `web`: 15 s + 3 x 10 s",
              "answer 1 s, k8s.yaml:6: `livenessProbe` of `web`: timeout 1 s",
              "answer 1 s, k8s.yaml:9: `readinessProbe` of `other`: timeout 1 s",
              "stop 30 s, k8s.yaml:2: `terminationGracePeriodSeconds`: 30 s by default"});
}

TEST_CASE("Kubernetes: the kinds that make pods") {
  const std::string pod = "spec: {containers: [{name: w, image: a}], terminationGracePeriodSeconds: 7}";
  for (const char* kind : {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"}) {
    INFO(kind);
    CHECK(manifest(std::format("kind: {}\nspec:\n  template:\n    {}\n", kind, pod)) ==
          Lines{"stop 7 s, k8s.yaml:4: `terminationGracePeriodSeconds`: 7 s"});
  }
  CHECK(manifest("kind: CronJob\nspec:\n  jobTemplate:\n    spec:\n      template:\n        " + pod + "\n")
            .size() == 1);
  CHECK(manifest("kind: List\nitems:\n- kind: Pod\n  " + pod + "\n").size() == 1);
  for (const char* kind : {"ConfigMap", "Service", "CustomResourceDefinition"}) {
    INFO(kind);
    CHECK(manifest(std::format("kind: {}\nspec:\n  template:\n    {}\n", kind, pod)).empty());
  }
  CHECK(manifest("apiVersion: serving.knative.dev/v1\nkind: Service\nspec:\n  template:\n    spec:\n      "
                 "containers:\n"
                 "      - name: w\n        image: a\n        livenessProbe: {periodSeconds: 5}\n") ==
        Lines{"start 15 s, k8s.yaml:9: `livenessProbe` of `w`: 0 s + 3 x 5 s",
              "answer 1 s, k8s.yaml:9: `livenessProbe` of `w`: timeout 1 s"});
}

TEST_CASE("Kubernetes: several documents, of which some cannot be read") {
  const std::string pod = "kind: Pod\nspec:\n  terminationGracePeriodSeconds: 7\n";
  const std::string broken = "kind: Pod\nspec: {{ toYaml .Values.spec }}\n";
  CHECK(manifest("# first\n---\n" + pod + "--- # second\n" + broken + "---\r\n" + pod + "...\n---\n") ==
        Lines{"stop 7 s, k8s.yaml:5: `terminationGracePeriodSeconds`: 7 s",
              "stop 7 s, k8s.yaml:12: `terminationGracePeriodSeconds`: 7 s"});
}

TEST_CASE("Kubernetes: an overlay's defaults stand elsewhere, and a template's numbers are not known") {
  CHECK(manifest("kind: Pod\nspec:\n  containers:\n  - name: web\n    livenessProbe: {periodSeconds: 5}\n")
            .empty());
  CHECK(
      manifest("kind: Pod\nspec:\n  terminationGracePeriodSeconds: '{{ x }}'\n  containers:\n  - name: web\n"
               "    image: a\n    livenessProbe: {periodSeconds: '{{ x }}'}\n")
          .empty());
}

TEST_CASE("Kubernetes: gunicorn") {
  const std::string head =
      "kind: Pod\nspec:\n  terminationGracePeriodSeconds: x\n  containers:\n  - image: a\n";
  CHECK(manifest(head + "    command: [gunicorn]\n    args: ['a:b', -t, '60']\n").front() ==
        "request 60 s, k8s.yaml:7: gunicorn's `--timeout 60`");
  CHECK(
      manifest(head + "    command: [gunicorn, 'a:b']\n    env: [{name: GUNICORN_CMD_ARGS, valueFrom: {}}]\n")
          .empty());
}

TEST_CASE("patience: text that is no such file") {
  for (const char* text :
       {"", "x", "[]", "services", "services: []", "services: {a: }", "kind: Pod\nspec: []",
        "kind: Pod\nspec: {containers: {a: b}}", "kind: [spec]", "\xFF\xFE", "\x01 spec services"}) {
    INFO(text);
    CHECK(compose(text).empty());
    CHECK(manifest(text).empty());
    CHECK(lines_of(patience_of_procfile(text, "Procfile", {})).empty());
  }
}
