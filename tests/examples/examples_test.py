# SPDX-License-Identifier: Apache-2.0
"""The good example is ready without an error or a warning; the broken one has exactly its faults."""

from support import EXAMPLES, findings, run, statuses

ERRORS = {
    # the server answers 200 whatever became of its model
    "sign/service-health/body-contradicts",
    "sign/startup-failure/healthy-without-model",
    "sign/state-dict-format/wrapper-prefix",
    "sign/label-encoder/class-count-mismatch",
    "sign/label-encoder/duplicate-class",
    "sign/device-mapping/foreign-storage",
    "sign/path-handling/relative-path",
    "sign-lfs/model-present/git-lfs-pointer",
    "sign-truncated/model-loadable/truncated",
    "sign-missing/model-present/missing",
    "sign-html/model-present/html-page",
    "sign-outside/model-present/outside-package",
    "sign-outside/warmup-budget/latency-over-budget",
    "sign-whole-module/model-loadable/main-class",
    "sign-whole-module/state-dict-format/whole-module",
    "sign-nan/inference/non-finite",
    "sign-nan/weights-health/non-finite-weights",
    "sign-nan/warmup-budget/latency-over-budget",
    "sign-older/state-dict-format/missing-keys",
    "sign-older/state-dict-format/unexpected-keys",
    "sign-shuffled/inference/wrong-label",
    "sign-shuffled/warmup-budget/latency-over-budget",
    "sign-exported/input-shape/axis-baked",
    "sign-exported/input-shape/range-refused",
    "sign-exported/eval-mode/training-mode",
    "sign-exported/eval-mode/not-repeatable",
    "sign-exported/conversion-parity/output-differs",
    "sign-exported/conversion-parity/weight-differs",
    "sign-exported/warmup-budget/latency-over-budget",
}
WARNINGS = {
    "sign/state-dict-format/training-residue",
    "sign/label-encoder/blank-class",
    "sign/label-encoder/unsorted-encoder",
    "sign-whole-module/model-loadable/foreign-class",
    "sign-shuffled/label-encoder/unsorted-encoder",
}


def same(seen, expected):
    assert seen == expected, f"not expected: {sorted(seen - expected)}; not found: {sorted(expected - seen)}"


good = run(EXAMPLES / "sign-language-service" / "runup.yaml")
same(findings(good, "error", "warning"), set())
expected = {name: "passed" for name in statuses(good)} | {"sign/package-archive": "skipped"}
assert statuses(good) == expected and len(good["results"]) == 23, statuses(good)
assert [(w["library"], w["file"].rpartition(".")[2]) for w in good["witnesses"]] == [
    ("torch", ""), ("libtorch", ""), ("ONNX Runtime", "onnx"), ("libtorch", "pt")], good["witnesses"]

broken = run(EXAMPLES / "sign-language-service-broken" / "runup.yaml")
same(findings(broken, "error"), ERRORS)
same(findings(broken, "warning"), WARNINGS)
for result in broken["results"]:
    for finding in result["outcome"]["findings"]:
        assert finding["fix"], finding
print("both examples are judged as expected")
