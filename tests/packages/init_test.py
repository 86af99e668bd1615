#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `runup init` writes for each package of packages.py, and for folders of other kinds.

    init_test.py RUNUP SOURCE_FOLDER [NAME...]

The config that it writes loads, and names the entry point, the factory and the model of the one that was written by
hand. For a good package no check has an error with it, as it was written.
"""

import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

from packages import PACKAGES  # noqa: E402
from pieces import put_checkpoint, put_file  # noqa: E402

# Where the config written by hand says what init cannot know.
OTHERWISE = {
    # the server imports a function that is not there; init names the one that is
    "factory-renamed": {"factory": "serving.predictor:get_predictor"},
}
# Run wholly: of each shape one, and those that only the loaded predictor excuses. Of the others what needs no runtime.
WHOLE = {"src-layout", "torchscript-only", "onnx-only", "model-in-mounted-folder", "class-of-main-given-before-load",
         "class-of-main-started-as-script", "prefix-stripped"}
# The server is started for the example alone; what it does is looked at in tests/services.
SERVED = "service-health,startup-failure,startup-time,service-stop,"
RUNTIME = "inference,input-shape,eval-mode,warmup-budget,conversion-parity,predictor-load,weights-used"

failures = []


def expect(holds, words):
    if not holds:
        failures.append(words)
        print(f"WRONG {words}", flush=True)


def call(*arguments, cwd=None):
    return subprocess.run([str(word) for word in arguments], capture_output=True, text=True, timeout=300, cwd=cwd,
                          errors="backslashreplace", check=False)


class Runup:
    def __init__(self, program):
        self.program = program

    def init(self, folder, *arguments, cwd=None):
        return call(self.program, "init", folder, *arguments, cwd=cwd)

    def values(self, config):
        """The resolved config, or None when it does not load."""
        told = call(self.program, "config", config, "--json")
        return json.loads(told.stdout)["values"] if told.returncode == 0 else None

    def judge(self, config, report, skip):
        call(self.program, "run", config, "--skip", skip, "--set", f"python={sys.executable}", "--report",
             f"json={report}")
        return json.loads(Path(report).read_text())


def errors_of(report):
    return [f"{result['check']}/{finding['id']}: {finding['message'][:300]}" for result in report["results"]
            for finding in result["outcome"]["findings"] if finding["severity"] == "error"]


def said(values):
    """What a config says of its only model, with paths as they are here."""
    models = list(values["models"].values())
    return {"models": len(models), "entrypoint": values["entrypoint"], "path": models[0]["path"],
            "factory": models[0]["factory"]}


def check_package(runup, package, scratch):
    """Each package without its config: what init writes against what a hand wrote."""
    folder = scratch / package.name
    folder.mkdir()
    package.write(folder)
    hand = (folder / "runup.yaml").rename(folder / "hand.yaml")
    ran = runup.init(folder)
    wrong = []
    if ran.returncode != 0:
        return [f"init ended with {ran.returncode}: {ran.stderr}"]
    written, wanted = runup.values(folder / "runup.yaml"), runup.values(hand)
    if written is None:
        return ["the written config does not load"]
    found, expected = said(written), said(wanted) | OTHERWISE.get(package.name, {})
    wrong += [f"{key} is {found[key]!r}, expected {expected[key]!r}" for key in expected if found[key] != expected[key]]
    if not package.fault:
        whole = package.name in WHOLE
        report = runup.judge(folder / "runup.yaml", scratch / f"{package.name}.json",
                             SERVED + ("warmup-budget" if whole else RUNTIME))
        wrong += errors_of(report)
        if whole and report["verdict"] != "ready":
            wrong.append(f"is {report['verdict']}: {report.get('reason', '')}")
    if wrong:
        wrong.append((folder / "runup.yaml").read_text())
    return wrong


def check_packages(runup, names, scratch):
    chosen = [package for package in PACKAGES if not names or package.name in names]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for package, wrong in zip(chosen, pool.map(lambda one: check_package(runup, one, scratch), chosen)):
            expect(not wrong, f"{package.name}: " + "\n      ".join(wrong))
    print(f"{len(chosen)} packages")


def check_example(runup, source, scratch):
    """The example's own config says a little more: tolerances, labels of samples, the range of `time`."""
    folder = scratch / "sign-language-service"
    shutil.copytree(source / "configs/examples/sign-language-service", folder)
    (folder / "runup.yaml").rename(folder / "hand.yaml")
    # as the README has it: from the service's folder, without an argument
    ran = call(runup.program, "init", cwd=folder)
    expect(ran.returncode == 0, f"the example: {ran.stderr}")
    written, wanted = runup.values(folder / "runup.yaml"), runup.values(folder / "hand.yaml")
    for key in ("target", "package", "entrypoint"):
        expect(written[key] == wanted[key], f"the example's {key}: {written[key]}")
    (model,), (hand,) = written["models"].values(), wanted["models"].values()
    for key in ("path", "factory", "state_dict", "architecture", "device", "labels", "inputs"):
        expect(model[key] == hand[key], f"the example's {key}: {model[key]}")
    for key, part in (("conversions", "path"), ("samples", "input"), ("samples", "output")):
        expect({one[part] for one in model[key]} == {one[part] for one in hand[key]}, f"the example's {key}")
    expect(model["axes"]["batch"] == hand["axes"]["batch"], "the example's batch")
    # what the recorded request is answered with is nothing that a package says
    for config in (written, wanted):
        del config["service"]["predict"]["label"]
    for key in ("command", "liveness", "readiness", "predict"):
        expect(written["service"][key] == wanted["service"][key], f"the example's {key}")
    report = runup.judge(folder / "runup.yaml", scratch / "example.json", "warmup-budget,input-shape")
    expect(not errors_of(report), f"the example: {errors_of(report)}")
    expect(report["verdict"] == "ready", f"the example is {report['verdict']}")


def check_places(runup, scratch):
    """Where the config goes, and when none is written."""
    service = scratch / "places/service"
    put_file(service, "main.py", "import torch\nmodel = torch.load('net.pth')\n")
    put_checkpoint(service, {"fc.weight": __import__("torch").randn(4, 8)}, "net.pth")
    written = service / "runup.yaml"

    ran = runup.init(scratch / "places/nowhere")
    expect(ran.returncode == 64 and "there is no folder" in ran.stderr, f"a missing folder: {ran}")
    ran = runup.init(service / "main.py")
    expect(ran.returncode == 64 and "is no folder" in ran.stderr, f"a file: {ran}")
    empty = scratch / "places/empty"
    empty.mkdir()
    ran = runup.init(empty)
    expect(ran.returncode == 2 and "nothing was written" in ran.stderr and not list(empty.iterdir()), f"empty: {ran}")

    ran = runup.init(service, "--output", "-")
    expect(ran.returncode == 0 and ran.stdout.startswith("# What") and not written.exists(), f"to stdout: {ran}")
    ran = runup.init(".", cwd=service)
    expect(ran.returncode == 0 and "next:     runup run\n" in ran.stdout, f"here: {ran}")
    first = written.read_bytes()
    written.write_text("mine")
    ran = runup.init(service)
    expect(ran.returncode == 64 and "--force" in ran.stderr and written.read_text() == "mine", f"there already: {ran}")
    ran = runup.init(service, "--force")
    expect(ran.returncode == 0 and written.read_bytes() == first, f"forced: {ran}")
    expect(sorted(path.name for path in service.iterdir()) == ["main.py", "net.pth", "runup.yaml"], "left-overs")

    beside = scratch / "places/deploy/check.yaml"
    beside.parent.mkdir()
    ran = runup.init(service, "-o", beside)
    values = runup.values(beside)
    expect(ran.returncode == 0 and values["package"] == str(service), f"elsewhere: {ran}")
    (model,) = values["models"].values()
    expect(model["path"] == str(service / "net.pth"), f"elsewhere: {model['path']}")
    ran = runup.init(service, "-o", scratch / "places/none/x.yaml")
    expect(ran.returncode == 64 and "there is no folder" in ran.stderr, f"no folder for it: {ran}")
    ran = runup.init(service, "-o", scratch / "places")
    expect(ran.returncode == 64 and "is a folder" in ran.stderr, f"a folder: {ran}")

    written.unlink()
    service.chmod(0o555)
    ran = runup.init(service)
    # root may write everywhere
    refused = ran.returncode == 64 and "not writable" in ran.stderr and not written.exists()
    expect(refused or os.geteuid() == 0, f"read-only: {ran}")
    service.chmod(0o755)
    written.unlink(missing_ok=True)


HOSTILE = [b"a b.pth", b"a\nb: c.pth", b"a: b #c.pth", b"- a.pth", b"{a}.pth", b"\"a'.pth", b"a\\nb.pth", b"\xff\xfe.pth",
           b"a\xe2\x80\xa8b.pth", b"a\xc2\x85b.pth", b"a\x01b.pth", b"\xef\xbb\xbfa.pth", b"-.pth", "손짓.pth".encode()]


def check_hostile(runup, scratch):
    """Names that would end a line, a text or the file, if they were written as they are."""
    folder = scratch / "hostile\n# x: 'y"
    model = put_checkpoint(folder, {"fc.weight": __import__("torch").randn(4, 8)}, "net.pth").read_bytes()
    for name in HOSTILE:
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            file.write(model)
    os.mkfifo(folder / "pipe.pth")
    os.symlink("/dev/zero", folder / "zero.pth")
    os.symlink("..", folder / "loop")
    os.symlink("gone.pth", folder / "broken.pth")
    ran = runup.init(folder)
    expect(ran.returncode == 0, f"hostile names: {ran}")
    values = runup.values(folder / "runup.yaml")
    expect(values is not None, "hostile names: the config does not load")
    found = {os.path.basename(model["path"]) for model in (values or {"models": {}})["models"].values()}
    wanted = {name.decode() for name in HOSTILE if b"\xff" not in name} | {"net.pth"}
    expect(found == wanted, f"hostile names: {sorted(found ^ wanted)}")
    text = (folder / "runup.yaml").read_text(encoding="utf-8")
    expect("its name is no UTF-8" in text, f"hostile names: {text}")

    big = scratch / "big"
    for number in range(60):
        put_file(big, f"deep/{number}/model_{number}.pth", model)
    put_file(big, "main.py", "x = [\n" * 5000)
    put_file(big, "Dockerfile", "FROM python\nCMD [\"uvicorn\", \"main:app\"]\n")
    ran = runup.init(big)
    values = runup.values(big / "runup.yaml")
    expect(ran.returncode == 0 and values is not None and len(values["models"]) == 20, f"many models: {ran}")


def main():
    runup, source, names = Runup(Path(sys.argv[1]).resolve()), Path(sys.argv[2]).resolve(), sys.argv[3:]
    os.environ.update(OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="")
    with tempfile.TemporaryDirectory(prefix="runup-init-") as folder:
        scratch = Path(folder)
        check_packages(runup, names, scratch)
        if not names:
            check_example(runup, source, scratch)
            check_places(runup, scratch)
            check_hostile(runup, scratch)
    print(f"{len(failures)} wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
