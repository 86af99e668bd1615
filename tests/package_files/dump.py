# SPDX-License-Identifier: Apache-2.0
"""Asks the dump executable of this folder, and counts what differs."""

import json
import subprocess


def ask(program, questions):
    """The answers to all questions, in their order."""
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    ran = subprocess.run([program], input=lines, capture_output=True, text=True, encoding="utf-8")
    # not splitlines(), which splits at more than line ends
    answers = [json.loads(line) for line in ran.stdout.split("\n")[:-1]]
    if ran.returncode != 0 or len(answers) != len(questions):
        print(ran.stderr[-4000:])
        raise RuntimeError(f"status {ran.returncode} after {len(answers)} of {len(questions)} answers; then came "
                           f"{questions[len(answers):len(answers) + 1]}")
    return answers


class Tally:
    def __init__(self, what):
        self.what, self.compared, self.problems = what, 0, []

    def equal(self, where, ours, theirs):
        self.compared += 1
        if ours != theirs:
            self.problems.append(f"{where}: {ours!r}; expected {theirs!r}")

    def close(self):
        """An exit status; nothing compared is a failure too."""
        for problem in self.problems[:40]:
            print(problem)
        print(f"{self.what}: {self.compared} compared, {len(self.problems)} differ")
        return 1 if self.problems or self.compared == 0 else 0
