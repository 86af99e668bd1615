// SPDX-License-Identifier: Apache-2.0
#pragma once

// The reports that every format's goldens are made from. Clock, host and versions are fixed, so a
// golden never needs scrubbing. Verdicts are settled by settle_verdict(), not written here.

#include <string>
#include <vector>

#include "report/report.h"

namespace runup::testing {

struct CanonicalReport {
  std::string name;
  Report report;
};

inline Report report_frame() {
  return Report{.runup_version = "0.1.0",
                .target = "sign-language-service",
                .config = "/srv/sign-language-service/runup.yaml",
                .package = "/srv/sign-language-service",
                .started = "2026-11-25T01:23:22Z",
                .took = Duration::from_milliseconds(1850),
                .host_name = "gate-1",
                .host = "Debian GNU/Linux 13 (trixie), x86_64, 2 cpus, 24 GiB",
                .witnesses = {{.model = "sign",
                               .library = "libtorch",
                               .version = "2.6.0",
                               .device = "cpu",
                               .form = "state_dict with an architecture's source"}}};
}

inline CheckResult passed(std::string check, std::vector<Evidence> evidence, std::int64_t microseconds,
                          std::string model = "sign") {
  CheckResult result{.check = std::move(check), .model = std::move(model), .took = {microseconds * 1000}};
  result.outcome = {.status = Status::passed, .evidence = std::move(evidence)};
  return result;
}

inline CheckResult failed(std::string check, std::vector<Finding> findings, std::int64_t microseconds,
                          std::string model = "sign") {
  CheckResult result{.check = std::move(check), .model = std::move(model), .took = {microseconds * 1000}};
  result.outcome = {.status = Status::failed, .findings = std::move(findings)};
  return result;
}

inline CheckResult not_judged(Status status, std::string check, std::string reason,
                              std::int64_t microseconds = 0, std::string model = "sign") {
  CheckResult result{.check = std::move(check), .model = std::move(model), .took = {microseconds * 1000}};
  result.outcome = {.status = status, .reason = std::move(reason)};
  return result;
}

inline std::vector<CheckResult> healthy_results(const std::string& model = "sign") {
  return {
      passed("device-mapping", {{"storage devices", "cpu (62)"}, {"loaded on", "cpu"}}, 410, model),
      passed("inference",
             {{"runs", "3 inputs, 5 inferences"},
              {"output", "float32 [1, 12], finite"},
              {"labels", "안녕하세요, 감사합니다"}},
             412'000, model),
      passed("label-encoder", {{"classes", "12"}, {"outputs", "12"}, {"scikit-learn", "1.4.2"}}, 2'100,
             model),
      passed("model-loadable", {{"format", "torch-zip, protocol 2"}, {"defects", "none"}}, 2'100, model),
      passed(
          "model-present",
          {{"file", "models/cnn_bilstm_attention_model.pth"}, {"size", "1.16 MiB"}, {"sha256", "4be1d3a0"}},
          380, model),
      passed("state-dict-format",
             {{"state dict", "`model_state_dict`, 62 tensors"}, {"keys", "all as in the architecture"}},
             2'500, model),
      passed("warmup-budget",
             {{"load", "0.91 s of 10 s"}, {"first inference", "38.2 ms of 5 s"}, {"p95", "12.4 ms of 2 s"}},
             1'210'000, model)};
}

inline Finding class_count_finding() {
  return {
      .id = "class-count-mismatch",
      .severity = Severity::error,
      .message = "label encoder has 7 classes; `classifier.6.bias` has 9 outputs",
      .where = {.file = "models/cnn_bilstm_attention_model.pth", .key = "label_encoder"},
      .evidence = {{"classes", "7"}, {"outputs", "9"}},
      .fix =
          "save the encoder that was fitted on the labels the model was trained with, in the same run that "
          "writes the weights"};
}

inline Report not_ready_report() {
  Report report = report_frame();
  report.results = healthy_results();
  report.results[2] =
      failed("label-encoder",
             {class_count_finding(),
              {.id = "blank-class",
               .severity = Severity::warning,
               .message = "class 3 is blank",
               .where = {.file = "models/cnn_bilstm_attention_model.pth", .key = "label_encoder"},
               .fix = "name every class, or drop its samples and train again"},
              {.id = "encoder-version",
               .severity = Severity::note,
               .message = "the encoder was written by scikit-learn 1.4.2; `requirements.txt` pins 1.7.0",
               .where = {.file = "requirements.txt", .line = 4}}},
             2'100);
  report.results[0] =
      failed("device-mapping",
             {{.id = "foreign-storage",
               .severity = Severity::error,
               .message = "62 of 62 storages are tagged `cuda:0`; the target device is `cpu`",
               .where = {.file = "models/cnn_bilstm_attention_model.pth"},
               .evidence = {{"first", "model_state_dict.conv.0.weight"}},
               .fix = "load with `torch.load(path, map_location=\"cpu\")`, or save the weights after "
                      "`model.to(\"cpu\")`"}},
             410);
  report.results[1] = not_judged(
      Status::undecided, "inference",
      "blocked by `label-encoder`: the output cannot be named while 7 classes meet 9 outputs", 398'000);
  report.results.push_back(not_judged(Status::skipped, "conversion-parity", "no conversion is named"));
  settle_verdict(report, {{.model = "sign", .witnessed = true}});
  return report;
}

inline Report undecided_report() {
  Report report = report_frame();
  report.witnesses.clear();
  report.results = healthy_results();
  report.results[1] =
      not_judged(Status::undecided, "inference",
                 "`models/sign.pth` is a state_dict, which has no code in it; name its network with "
                 "`architecture:` (TorchScript source or archive)");
  report.results[6] =
      not_judged(Status::undecided, "warmup-budget",
                 "could not look: probe `torch` ended by signal 9 (out of memory at 1.5 GiB)", 640'000);
  report.remarks = {"`--skip` left out `conversion-parity`",
                    "the memory limit is sampled, because this container has no cgroup of its own"};
  settle_verdict(report, {{.model = "sign", .witnessed = false}});
  return report;
}

// Two models, warnings only, one check from a plugin.
inline Report warnings_report() {
  Report report = report_frame();
  report.witnesses.push_back({.model = "face",
                              .library = "libtorch",
                              .version = "2.6.0",
                              .device = "cpu",
                              .form = "TorchScript archive"});
  report.results = healthy_results();
  report.results[6].outcome.findings = {
      {.id = "other-runtime",
       .severity = Severity::note,
       .message = "times are of libtorch 2.6.0; the service deploys torch 2.4.1"}};
  for (CheckResult& result : healthy_results("face")) {
    report.results.push_back(std::move(result));
  }
  report.results[10].outcome.findings = {
      {.id = "unpinned-format",
       .severity = Severity::warning,
       .message = "`model.pt` is TorchScript, which PyTorch 2.11 deprecates",
       .where = {.file = "models/model.pt"},
       .fix = "plan an export with `torch.export`"}};
  CheckResult plugin = passed("licence-file", {{"file", "LICENSE, Apache-2.0"}}, 31'000, "face");
  plugin.plugin = "/srv/sign-language-service/plugins/licence-file";
  report.results.push_back(std::move(plugin));
  report.results.push_back(
      not_judged(Status::skipped, "conversion-parity", "no conversion is named", 0, "face"));
  settle_verdict(report, {{.model = "sign", .witnessed = true}, {.model = "face", .witnessed = true}});
  return report;
}

inline Report setup_error_report() {
  Report report = report_frame();
  report.target.clear();
  report.witnesses.clear();
  report.took = Duration::from_milliseconds(3);
  report.setup_errors = {{.file = "runup.yaml",
                          .line = 4,
                          .column = 1,
                          .message = "unknown key `modles`; did you mean `models`"},
                         {.file = "runup.yaml",
                          .line = 11,
                          .column = 12,
                          .message = "expected a duration such as `500ms`, got `soon`"},
                         {.message = "`--set models.sign.device=7`: expected text, got 7"}};
  settle_verdict(report, {});
  return report;
}

inline Report interrupted_report() {
  Report report = report_frame();
  report.witnesses.clear();
  report.took = Duration::from_milliseconds(420);
  report.interrupted = true;
  report.results = healthy_results();
  for (const std::size_t late : {std::size_t{1}, std::size_t{6}}) {
    report.results[late] = not_judged(Status::undecided, report.results[late].check,
                                      "the run was interrupted before it was done");
  }
  settle_verdict(report, {{.model = "sign", .witnessed = false}});
  return report;
}

inline Report empty_report() {
  Report report = report_frame();
  report.witnesses.clear();
  report.took = Duration::from_milliseconds(2);
  settle_verdict(report, {});
  return report;
}

// Everything that a hostile or merely foreign file can put into a report.
inline Report hostile_report() {
  Report report = report_frame();
  report.target = "sign]]><script>&amp;\"'\x01";
  report.host_name = "gate\xff-1";
  const std::string long_word(300, 'x');
  const std::string long_text = [] {
    std::string text;
    for (int i = 0; i < 2000; ++i) {
      text += "key_" + std::to_string(i) + " ";
    }
    return text;
  }();
  report.results = {
      passed("model-present",
             {{"name\twith\ntabs", "\x1b[31mred\x1b[0m \x07 bell"}, {"emoji", "🤟🏽 👩‍👩‍👧"}},
             380),
      failed(
          "label-encoder",
          {{.id = "blank-class",
            .severity = Severity::error,
            .message = std::string("]]> <b>&lt; \x1b]0;title\x07 \x1b[2J\r\n\0\x7f", 31),
            .where = {.file = "models/\xff\xfe\xed\xa0\x80.pth", .key = "`back`\nticks"},
            .evidence = {{"한국어 라벨",
                          "안녕하세요 감사합니다 미안합니다 사랑합니다 반갑습니다 괜찮습니다 고맙습니다 "
                          "안녕히 가세요"},
                         {"right to left",
                          "مرحبا \xe2\x80\xae"
                          "evil\xe2\x80\xac שלום"},
                         {"non-characters", "\xef\xbf\xbe \xef\xbf\xbf"},
                         {"long word", long_word}},
            .fix = "  indented\n    code line\nand a second paragraph"},
           {.id = "duplicate-classes", .severity = Severity::error, .message = long_text, .fix = long_word}},
          2'100),
      not_judged(Status::undecided, "inference",
                 "stderr: \x1b[31mTraceback\x1b[0m\n  File \"x.py\", line 1\n\xc3\x28"),
      not_judged(Status::skipped, "conversion-parity", "bytes:%41 starts like an escape")};
  report.results.front().model = "sign";
  report.remarks = {"remark with \x1b[7m reverse \x1b[0m and ]]>"};
  settle_verdict(report, {{.model = "sign", .witnessed = true}});
  return report;
}

// One waiver in each state: the label encoder's error is accepted, the warning of another counts again.
inline Report waived_report() {
  Report report = report_frame();
  report.results = healthy_results();
  const Acceptance until_june{
      .reason = "retraining is under way, see `ML-123`", .owner = "ml-platform", .expires = "2026-06-30"};
  report.results[2].outcome.findings = {class_count_finding()};
  report.results[2].outcome.findings.front().accepted = until_june;
  report.results[4].outcome.findings = {{.id = "git-ignored",
                                         .severity = Severity::warning,
                                         .message = "`.gitignore` leaves `*.pth` out",
                                         .where = {.file = ".gitignore", .line = 3},
                                         .fix = "add `!models/*.pth`"}};
  report.results.push_back(not_judged(Status::skipped, "conversion-parity", "no conversion is named"));
  const auto by = [](std::string expires) {
    return Acceptance{.reason = "known", .owner = "release", .expires = std::move(expires)};
  };
  report.waivers = {{.waives = "label-encoder/class-count-mismatch",
                     .model = "sign",
                     .acceptance = until_june,
                     .state = WaiverState::holds,
                     .findings = 1,
                     .days_left = 217,
                     .line = 31},
                    {.waives = "model-present/git-ignored",
                     .acceptance = by("2025-11-01"),
                     .state = WaiverState::expired,
                     .findings = 1,
                     .days_left = -24,
                     .line = 35},
                    {.waives = "device-mapping",
                     .acceptance = by("2026-12-31"),
                     .state = WaiverState::unused,
                     .days_left = 401,
                     .line = 39},
                    {.waives = "conversion-parity/outputs-differ",
                     .acceptance = by("2026-12-31"),
                     .state = WaiverState::not_judged,
                     .days_left = 401,
                     .line = 43}};
  settle_verdict(report, {{.model = "sign", .witnessed = true}});
  return report;
}

inline Report ready_report() {
  Report report = report_frame();
  report.results = healthy_results();
  report.results.push_back(not_judged(Status::skipped, "conversion-parity", "no conversion is named"));
  settle_verdict(report, {{.model = "sign", .witnessed = true}});
  return report;
}

inline std::vector<CanonicalReport> canonical_reports() {
  return {{"ready", ready_report()},
          {"not-ready", not_ready_report()},
          {"undecided", undecided_report()},
          {"empty", empty_report()},
          {"warnings", warnings_report()},
          {"setup-error", setup_error_report()},
          {"interrupted", interrupted_report()},
          {"waived", waived_report()},
          {"hostile", hostile_report()}};
}

// "golden/ready.0.txt" below reports/FORMAT/
inline std::string golden_path(std::string_view format, const CanonicalReport& report,
                               std::string_view extension) {
  return "reports/" + std::string(format) + "/golden/" + report.name + "." +
         std::to_string(static_cast<int>(exit_code(report.report))) + "." + std::string(extension);
}

}  // namespace runup::testing
