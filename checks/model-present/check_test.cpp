// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "model-present";

PathFacts& path_of(Facts& facts) { return facts.package.value->paths.front(); }

// Facts whose file holds something else than a model.
Facts with_content(ArtifactFacts artifact) {
  Facts facts = sign_facts();
  path_of(facts).bytes = artifact.bytes;
  facts.artifact = Observed<ArtifactFacts>::seen(std::move(artifact), {});
  return facts;
}

Facts with_place(FileKind kind) {
  Facts facts = sign_facts();
  path_of(facts).kind = kind;
  facts.artifact =
      Observed<ArtifactFacts>::none({.kind = AbsenceKind::blocked, .detail = "the model file is not there"});
  return facts;
}

}  // namespace

TEST_CASE("model-present: a model in its place passes without findings and says what it saw") {
  const Outcome outcome = run_check(kId, sign_facts());
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "file") == "models/sign.pth");
  CHECK(evidence_of(outcome, "size") == "946 KiB");
  CHECK(evidence_of(outcome, "content") == "a PyTorch checkpoint (zip)");
  CHECK(evidence_of(outcome, "sha256") == "4be1d3a0c1f2");
}

TEST_CASE("model-present: every kind of real model passes without findings") {
  using enum ArtifactKind;
  for (const ArtifactKind kind : {torch_zip, torch_legacy, torchscript, safetensors, onnx, torch_export}) {
    CHECK(run_check(kId, with_content({.kind = kind, .bytes = 5000})).findings.empty());
  }
}

TEST_CASE("model-present/missing: the folder is there, the name is not") {
  Facts facts = with_place(FileKind::missing);
  path_of(facts).existing_parent = "/srv/sign/models";
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(finding_ids(outcome) == std::vector<std::string>{"missing"});
  CHECK(find_finding(outcome, "missing").message ==
        "no file at `models/sign.pth`; its folder is there, the name is not in it");
  CHECK(find_finding(outcome, "missing").where.file == "models/sign.pth");

  path_of(facts).existing_parent = "/srv/sign";
  CHECK(find_finding(run_check(kId, facts), "missing").message ==
        "no file at `models/sign.pth`; the nearest folder that exists is `/srv/sign`");
}

TEST_CASE("model-present/missing: similar names are offered") {
  Facts facts = with_place(FileKind::missing);
  path_of(facts).existing_parent = "/srv/sign/models";
  path_of(facts).similar = {"models/sign_v2.pth", "models/sing.pth"};
  const Finding finding = find_finding(run_check(kId, facts), "missing");
  CHECK(finding.message.ends_with("; the package has `models/sign_v2.pth` and `models/sing.pth`"));
  CHECK(finding.fix ==
        "set `models.sign.path` to the file that is meant, or copy the model to `models/sign.pth`");
}

TEST_CASE("model-present/missing: DVC's pointer is there, the model is not") {
  Facts facts = with_place(FileKind::missing);
  path_of(facts).existing_parent = "/srv/sign/models";
  path_of(facts).similar = {"models/sign.pth.dvc", "models/sing.pth"};
  const Finding finding = find_finding(run_check(kId, facts), "missing");
  CHECK(finding.message.ends_with("; the package has `models/sign.pth.dvc`, DVC's pointer to it"));
  CHECK(finding.fix == "fetch the model before packaging: `dvc pull models/sign.pth.dvc`");
}

TEST_CASE("model-present/broken-link: a link to nothing, and a folder on the way that is one") {
  Facts facts = with_place(FileKind::missing);
  path_of(facts).broken_link = path_of(facts).path;
  path_of(facts).link_target = "../.git/annex/objects/a/b/SHA256E-s7.pth";
  const Finding file = find_finding(run_check(kId, facts), "broken-link");
  CHECK(file.message ==
        "`models/sign.pth` is a symbolic link to `../.git/annex/objects/a/b/SHA256E-s7.pth`, which is not "
        "there; expected the model file");
  CHECK(file.fix.starts_with("`git annex get`, then copy what the link leads to"));

  path_of(facts).broken_link = "/srv/sign/models";
  path_of(facts).link_target = "/mnt/models";
  const Finding folder = find_finding(run_check(kId, facts), "broken-link");
  CHECK(folder.message ==
        "`models` is a symbolic link to `/mnt/models`, which is not there; expected the model in it");
  CHECK(folder.fix.starts_with("copy what the link leads to"));
}

TEST_CASE("model-present/directory, not-a-file: what stands there is no file") {
  CHECK(find_finding(run_check(kId, with_place(FileKind::directory)), "directory").message ==
        "`models/sign.pth` is a folder; expected the model file");
  Facts fifo = with_place(FileKind::other);
  path_of(fifo).error = "a FIFO";
  CHECK(find_finding(run_check(kId, fifo), "not-a-file").message ==
        "`models/sign.pth` is neither a file nor a folder (a FIFO); expected a regular file");
}

TEST_CASE("model-present/unreadable: the system's words and the mode") {
  Facts facts = with_place(FileKind::unreadable);
  path_of(facts).error = "Permission denied";
  path_of(facts).mode = 0600;
  const Outcome outcome = run_check(kId, facts);
  CHECK(finding_ids(outcome) == std::vector<std::string>{"unreadable"});
  CHECK(find_finding(outcome, "unreadable").message ==
        "`models/sign.pth` cannot be opened: Permission denied (mode 0600)");
  CHECK(find_finding(outcome, "unreadable").fix.ends_with("`chmod a+r models/sign.pth`"));
}

TEST_CASE("model-present/outside-package: a link out of it, unless it is mounted") {
  Facts facts = sign_facts();
  facts.model.path = "/srv/store/sign.pth";
  path_of(facts).written = "../store/sign.pth";
  path_of(facts).path = "/srv/store/sign.pth";
  path_of(facts).real_path = "/srv/store/sign.pth";
  path_of(facts).inside_package = false;
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(find_finding(outcome, "outside-package").message ==
        "`../store/sign.pth` leads to `/srv/store/sign.pth`, which is outside the package `/srv/sign` and in "
        "none of its `mounts:`");

  facts.target.mounts = {{.at = "/models", .from = "/srv/store"}};
  CHECK(run_check(kId, facts).findings.empty());
  // A folder whose name only begins alike is another folder.
  facts.target.mounts = {{.at = "/models", .from = "/srv/sto"}};
  CHECK(run_check(kId, facts).status == Status::failed);
}

TEST_CASE("model-present/empty: no bytes") {
  const Outcome outcome = run_check(kId, with_content({.kind = ArtifactKind::empty, .bytes = 0}));
  CHECK(finding_ids(outcome) == std::vector<std::string>{"empty"});
  CHECK(find_finding(outcome, "empty").message == "`models/sign.pth` has 0 bytes; expected a model");
}

TEST_CASE("model-present/git-lfs-pointer: size and oid of what is missing, and the command") {
  ArtifactFacts pointer{.kind = ArtifactKind::git_lfs_pointer,
                        .bytes = 131,
                        .head = "version https://git-lfs.github.com/spec/v1"};
  pointer.lfs = LfsPointerFacts{.oid = "sha256:9f86d0", .bytes = 968'290};
  const Outcome outcome = run_check(kId, with_content(pointer));
  CHECK(finding_ids(outcome) == std::vector<std::string>{"git-lfs-pointer"});
  const Finding finding = find_finding(outcome, "git-lfs-pointer");
  CHECK(finding.message ==
        "`models/sign.pth` is a Git LFS pointer of 131 B; the model has 946 KiB (968290 bytes) and oid "
        "`sha256:9f86d0`");
  CHECK(finding.fix.contains("`git lfs pull --include=models/sign.pth`"));
}

TEST_CASE("model-present/html-page, json-document, text-file: what the file host sent instead") {
  const auto finding = [](ArtifactKind kind, std::string head, std::string_view id) {
    const Outcome outcome =
        run_check(kId, with_content({.kind = kind, .bytes = 302, .head = std::move(head)}));
    CHECK(outcome.status == Status::failed);
    CHECK(outcome.findings.size() == 1);
    return find_finding(outcome, id).message;
  };
  CHECK(
      finding(ArtifactKind::html, "<!DOCTYPE html>\n<html lang=\"en\">", "html-page") ==
      "`models/sign.pth` is an HTML page of 302 B: \"<!DOCTYPE html> <html lang=\"en\">\"; expected a model");
  CHECK(finding(ArtifactKind::json_text, R"({"error": "quota"})", "json-document") ==
        "`models/sign.pth` is a JSON document of 302 B: \"{\"error\": \"quota\"}\"; expected a model");
  CHECK(
      finding(ArtifactKind::json_text, R"({"weight_map": {"a": "model-00001.safetensors"}})", "json-document")
          .contains("the index of a model in several files"));
  CHECK(finding(ArtifactKind::text, "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>", "text-file")
            .contains("is an XML document of 302 B"));
  CHECK(finding(ArtifactKind::text, "Not found", "text-file") ==
        "`models/sign.pth` is a text file of 302 B: \"Not found\"; expected a model");
}

TEST_CASE("model-present/too-small: a warning that `min_size` sets") {
  const Facts small = with_content({.kind = ArtifactKind::torch_zip, .bytes = 700});
  const Outcome outcome = run_check(kId, small);
  CHECK(outcome.status == Status::passed);
  CHECK(find_finding(outcome, "too-small").message ==
        "`models/sign.pth` has 700 B; a model has at least 1.00 KiB (`min_size`)");
  CHECK(run_check(kId, small, {{"min_size", 700}}).findings.empty());
  CHECK(run_check(kId, small, Json::object(), true).status == Status::failed);
}

TEST_CASE("model-present/hash-mismatch: upper case is the same hash, another one is not") {
  Facts facts = sign_facts();
  const std::string hash = facts.artifact->sha256;
  CHECK(run_check(kId, facts, {{"sha256", hash}}).findings.empty());
  std::string upper = hash;
  std::ranges::transform(upper, upper.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  CHECK(run_check(kId, facts, {{"sha256", upper}}).findings.empty());
  CHECK(run_check(kId, facts, {{"sha256", std::string(64, '0')}}).status == Status::failed);
  CHECK(find_finding(run_check(kId, facts, {{"sha256", std::string(64, '0')}}), "hash-mismatch")
            .message.contains(hash));

  facts.artifact.value->sha256.clear();
  CHECK(run_check(kId, facts, {{"sha256", hash}}).status == Status::undecided);
}

TEST_CASE("model-present/package-missing: nothing below it is looked for") {
  Facts facts = with_place(FileKind::missing);
  facts.package.value->root_kind = FileKind::missing;
  const Outcome outcome = run_check(kId, facts);
  CHECK(finding_ids(outcome) == std::vector<std::string>{"package-missing"});
}

TEST_CASE("model-present/companion-missing: files that the config names for this model, and no other's") {
  Facts facts = sign_facts();
  facts.package.value->paths.push_back({.asked_by = "models.sign.architecture",
                                        .written = "architectures/sing.py",
                                        .path = "/srv/sign/architectures/sing.py",
                                        .kind = FileKind::missing,
                                        .similar = {"architectures/sign.py"}});
  facts.package.value->paths.push_back(
      {.asked_by = "models.sign-2.path", .path = "/srv/sign/other.pth", .kind = FileKind::missing});
  Outcome outcome = run_check(kId, facts);
  CHECK(finding_ids(outcome) == std::vector<std::string>{"companion-missing"});
  CHECK(find_finding(outcome, "companion-missing").message ==
        "`models.sign.architecture` names `architectures/sing.py`, which is not there");
  CHECK(find_finding(outcome, "companion-missing").fix ==
        "correct `models.sign.architecture`: the package has `architectures/sign.py`");

  PathFacts& companion = facts.package.value->paths[1];
  companion.kind = FileKind::directory;
  CHECK(
      find_finding(run_check(kId, facts), "companion-missing").message.ends_with("which is no regular file"));
  companion.kind = FileKind::regular;
  CHECK(find_finding(run_check(kId, facts), "companion-missing").message.ends_with("which is empty"));
  companion.bytes = 10;
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("model-present: what was not observed is undecided") {
  Facts facts = sign_facts();
  facts.package = Observed<PackageFacts>::none(
      {.kind = AbsenceKind::crashed, .detail = "the package probe crashed (signal 11)"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  CHECK(run_check(kId, facts).reason ==
        "the package could not be observed: the package probe crashed (signal 11)");

  facts = sign_facts();
  facts.package.value->paths.clear();
  CHECK(run_check(kId, facts).status == Status::undecided);

  facts = sign_facts();
  facts.artifact = Observed<ArtifactFacts>::none(
      {.kind = AbsenceKind::timed_out, .detail = "the artifact probe ran out of time"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  CHECK(run_check(kId, facts).reason.contains("the artifact probe ran out of time"));
}

TEST_CASE("model-present: a model whose name needs quotes in a key path") {
  Facts facts = sign_facts();
  facts.model_name = "sign.v2";
  path_of(facts).asked_by = "models.\"sign.v2\".path";
  CHECK(run_check(kId, facts).status == Status::passed);
}

TEST_CASE("model-present/ignored-by-docker, ignored-by-git: rules that leave the file out") {
  Facts facts = sign_facts();
  path_of(facts).docker_ignored = IgnoreMatch{.file = ".dockerignore", .line = 3, .pattern = "**/*.pth"};
  const Finding docker = find_finding(run_check(kId, facts), "ignored-by-docker");
  CHECK(docker.severity == Severity::error);
  CHECK(docker.message ==
        "`models/sign.pth` is left out of the image by `**/*.pth` in `.dockerignore`, line 3");
  CHECK(docker.where.file == ".dockerignore");
  CHECK(docker.where.line == 3);
  CHECK(docker.fix.starts_with("add `!models/sign.pth` behind that line"));
  // It stands where it will stand, or is mounted there.
  facts.target.installed_at = "/srv/sign";
  CHECK(run_check(kId, facts).findings.empty());
  facts.target.installed_at = "/app";
  facts.target.mounts = {{.at = "/app/models", .from = "/srv/sign/models"}};
  CHECK(run_check(kId, facts).findings.empty());

  facts = sign_facts();
  path_of(facts).git_ignored = IgnoreMatch{.file = "models/.gitignore", .line = 1, .pattern = "*.pth"};
  CHECK(find_finding(run_check(kId, facts), "ignored-by-git").severity == Severity::warning);
  path_of(facts).in_git_lfs = IgnoreMatch{.file = ".gitattributes", .line = 1, .pattern = "*.pth"};
  CHECK(run_check(kId, facts).findings.empty());
}
