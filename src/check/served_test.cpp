// SPDX-License-Identifier: Apache-2.0
#include "check/served.h"

#include <catch2/catch_test_macros.hpp>

using namespace runup;

namespace {

bool denies(std::string_view body) { return !body_denies(body).empty(); }

constexpr std::string_view kPickleLog =
    "INFO:     Started server process [12]\n"
    "ERROR:    Traceback (most recent call last):\n"
    "  File \"/srv/app/main.py\", line 7, in lifespan\n"
    "    load()\n"
    "zipfile.BadZipFile: File is not a zip file\n"
    "\n"
    "During handling of the above exception, another exception occurred:\n"
    "\n"
    "Traceback (most recent call last):\n"
    "  File \"/srv/app/main.py\", line 9, in lifespan\n"
    "    raise RuntimeError(path)\n"
    "RuntimeError: no model at models/x.pth\n"
    "\n"
    "ERROR:    Application startup failed. Exiting.\n";

}  // namespace

TEST_CASE("answers in words") {
  AnswerFacts answer{.path = "/health", .status = 200, .body = "{\"ok\": `x`,\n  1}", .body_bytes = 16};
  CHECK(answer_words(answer) == "`/health` answered 200 `{\"ok\": 'x', 1}`");
  answer.body = std::string(500, 'a');
  CHECK(answer_words(answer).ends_with("aaa...`"));
  answer.body = " ";
  CHECK(answer_words(answer) == "`/health` answered 200 with an empty body");
  answer = {
      .path = "/logo", .status = 200, .content_type = "image/png", .body = "\x89PNG", .body_bytes = 2048};
  CHECK(answer_words(answer) == "`/logo` answered 200 with 2.00 KiB of `image/png`");
  answer = {.path = "/health", .error = "the connection was refused"};
  CHECK(answer_words(answer) == "`/health` gave no answer: the connection was refused");
  CHECK(is_2xx({.status = 204}));
  CHECK_FALSE(is_2xx({.status = 302}));
  CHECK_FALSE(is_2xx({}));
  CHECK(end_words({.status = 3}) == "exit status 3");
  CHECK(end_words({.signal = 11}) == "signal 11");
  CHECK(base_name("/a/b.pth") == "b.pth");
  CHECK(base_name("b.pth") == "b.pth");
}

TEST_CASE("bodies that say `not ok`") {
  CHECK(body_denies(R"({"ok":false})") == "`ok` is `false`");
  CHECK(body_denies(R"({"status":"ok","models_loaded":false})") == "`models_loaded` is `false`");
  CHECK(body_denies(R"({"data":{"isReady":"KO"}})") == "`data.isReady` is `\"KO\"`");
  CHECK(body_denies("Model not loaded.") == "it says `Model not loaded.`");
  for (const char* body : {R"({"ready":"ko"})",
                           R"({"status":"unhealthy"})",
                           R"({"status":"Not_Ready"})",
                           R"({"health":"degraded"})",
                           R"({"state":"loading"})",
                           R"({"model":null})",
                           R"({"model":"dummy"})",
                           R"({"predictor":null})",
                           R"({"models":[]})",
                           R"({"data":[]})",
                           R"({"models_loaded":0})",
                           R"({"loaded_models":[]})",
                           R"({"success":false})",
                           R"({"status":"error: no such file"})",
                           R"({"error":"model not loaded"})",
                           R"({"checks":{"model":false}})",
                           R"({"model":{"loaded":false}})",
                           R"({"models":{"sign":{"loaded":false}}})",
                           R"({"models":{"sign":"unavailable"}})",
                           R"({"models":[{"name":"sign","state":"UNAVAILABLE"}]})",
                           R"({"message":"The model could not be loaded"})",
                           R"({"components":{"model":{"status":"DOWN"}}})",
                           R"({"alive":0})",
                           R"({"status":"fail"})",
                           R"({"is_ready":"false"})",
                           "not ready",
                           "KO",
                           "\"not ready\"",
                           "false",
                           "Unavailable!"}) {
    INFO(body);
    CHECK(denies(body));
  }
}

TEST_CASE("bodies that say nothing bad") {
  for (const char* body : {R"({"ok":true})",
                           R"({"status":"healthy","error":null})",
                           R"({"errors":[]})",
                           R"({"warnings":[]})",
                           R"({"gpu":false})",
                           R"({"debug":false})",
                           R"({"cuda_available":false})",
                           R"({"maintenance":false})",
                           R"({"gpu":{"available":false}})",
                           R"({"error":""})",
                           R"({"error":"none"})",
                           R"({"status":"ok","model":"sign"})",
                           R"({"status":"UP","redis":{"ok":false}})",
                           R"({"success":0,"failed":0})",
                           R"({"loading":false})",
                           R"({"model":{"name":"sign","cuda":false}})",
                           R"({"models":["sign.pth"]})",
                           R"({"models":{"a":{"loaded":true}}})",
                           R"({"models":{"a":{"loaded":true},"b":{"loaded":false}}})",
                           R"({"status":200})",
                           R"({"data":[{"id":1}]})",
                           R"({"uptime":0,"queue":0})",
                           R"({"message":"no problems"})",
                           "",
                           "OK",
                           "pong",
                           "ready",
                           "<html><body>not ready</body></html>",
                           "[]",
                           "{\"ok\": false"}) {
    INFO(body);
    CHECK_FALSE(denies(body));
  }
  CHECK(body_denies(R"({"models":{"a":{"loaded":true},"b":{"loaded":false}}})", Denial::of_any) ==
        "`models.b.loaded` is `false`");
}

TEST_CASE("bodies of predictions that failed") {
  CHECK(prediction_denies(R"({"success":false,"label":null})") == "`success` is `false`");
  CHECK(prediction_denies(R"({"error":"the model is not loaded"})") ==
        "`error` is `\"the model is not loaded\"`");
  CHECK(prediction_denies(R"({"status":"error"})") == "`status` is `\"error\"`");
  CHECK(prediction_denies(R"({"label":"down","status":"ok","error":null,"model":null})").empty());
  CHECK(prediction_denies("hello").empty());
}

TEST_CASE("the texts of a body") {
  using Texts = std::vector<std::string>;
  CHECK(body_texts(R"({"a":"x","b":[{"c":"y"},3,null]})") == Texts{"x", "y"});
  CHECK(body_texts(R"({"label":7})", true) == Texts{"7"});
  CHECK(body_texts(" hello\n") == Texts{"hello"});
  CHECK(body_texts("").empty());
}

TEST_CASE("the line that says why it failed") {
  CHECK(failure_line(kPickleLog) == "RuntimeError: no model at models/x.pth");
  CHECK(exception_lines(kPickleLog).size() == 2);
  CHECK(exception_kind("_pickle.UnpicklingError: invalid load key") == "UnpicklingError");
  // What the healthy start says too says nothing, whatever its numbers.
  CHECK(failure_line("10:01 ERROR no GPU\n10:02 ERROR cannot open x.pth\nbye\n", "09:55 ERROR no GPU\n") ==
        "10:02 ERROR cannot open x.pth");
  CHECK(failure_line("10:01 ERROR no GPU\n", "09:55 ERROR no GPU\n").empty());
  CHECK(failure_line("ERROR:    Application startup failed. Exiting.\n").empty());
  CHECK(failure_line("INFO: 127.0.0.1 - \"GET /health HTTP/1.1\" 500 Internal Server Error\n").empty());
  CHECK(failure_line("\x1b[31mERROR\x1b[0m cannot load\n") == "ERROR cannot load");
  CHECK(failure_line("모델 로드 실패: models/x.pth\n") == "모델 로드 실패: models/x.pth");
  CHECK(failure_line("").empty());
  // What follows from something else: the cause comes before it.
  CHECK(failure_line("Traceback (most recent call last):\n  File \"a.py\", line 1\nEOFError\n"
                     "Traceback (most recent call last):\n  File \"b.py\", line 1\n"
                     "gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>\n") == "EOFError");
  CHECK(failure_line("  + Exception Group Traceback (most recent call last):\n  |   File \"a.py\", line 1\n"
                     "  | ExceptionGroup: unhandled errors (1 sub-exception)\n"
                     "  +-+---------------- 1 ----------------\n"
                     "    | Traceback (most recent call last):\n    |   File \"b.py\", line 2\n"
                     "    | AttributeError: 'NoneType' object has no attribute 'predict'\n") ==
        "AttributeError: 'NoneType' object has no attribute 'predict'");
  CHECK(failure_line("Traceback (most recent call last):\n  File \"a.py\", line 1\n"
                     "RuntimeError: Error(s) in loading state_dict for Net:\n"
                     "\tMissing key(s) in state_dict: \"a\".\n") ==
        "RuntimeError: Error(s) in loading state_dict for Net: Missing key(s) in state_dict: \"a\".");
  // A log line between the traceback's lines is no exception.
  CHECK(exception_lines("Traceback (most recent call last):\nINFO: still here\nValueError: no\n") ==
        std::vector<std::string>{"ValueError: no"});
  CHECK(last_line("a\nb \n\n") == "b");
}

TEST_CASE("what keeps a start from something that runup does not give") {
  std::string reason = outside_reason(
      "redis.exceptions.ConnectionError: Error 111 connecting to redis:6379. "
      "Connection refused.\n");
  CHECK(reason.starts_with("the server asks for `redis:6379`, and runup keeps it from the network ("));
  CHECK(reason.ends_with("give `network: {allow: [redis:6379]}` or `stubs: [tcp:6379]` in `service:`"));
  reason = outside_reason(
      "HTTPSConnectionPool(host='huggingface.co', port=443): Max retries exceeded: [Errno -3] "
      "Temporary failure in name resolution\n");
  CHECK(reason.contains("`huggingface.co:443`"));
  CHECK(outside_reason("ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 5432)\n")
            .contains("`127.0.0.1:5432`"));
  CHECK(outside_reason("12:30:45 main.py:12 socket.gaierror: [Errno -2] Name or service not known\n")
            .contains("the server asks for another host"));
  reason = outside_reason("OSError: [Errno 30] Read-only file system: '/app/logs/today.log'\n");
  CHECK(reason.contains("may not write to `/app/logs/today.log`"));
  CHECK(reason.contains("name `/app/logs` in `writable:`"));
  constexpr std::string_view kRefused =
      "PermissionError: [Errno 13] Permission denied: '/app/models/x.pth'\n";
  CHECK(outside_reason(kRefused).contains("`/app/models`"));
  CHECK(outside_reason(kRefused, "/srv/app/models/x.pth").empty());
  CHECK(outside_reason("ERROR cannot load\n\"GET /x HTTP/1.1\" 502 Connection refused\n").empty());
}

TEST_CASE("logs that are about a damaged file") {
  CHECK(tells_of_damage("_pickle.UnpicklingError: invalid load key\n", "", "/a/x.pth"));
  CHECK(tells_of_damage("WARNING could not use x.pth\n", "", "/a/x.pth"));
  CHECK_FALSE(tells_of_damage("loading x.pth\n", "", "/a/x.pth"));
  CHECK_FALSE(tells_of_damage("could not use x.pth\n", "could not use x.pth\n", "/a/x.pth"));
  CHECK_FALSE(tells_of_damage("ConnectionRefusedError: [Errno 111] x.pth\n", "", "/a/x.pth"));
}
