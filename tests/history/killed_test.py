# SPDX-License-Identifier: Apache-2.0
"""Kills a process that writes a history at random moments; Python's own sqlite3 looks at what is left.

    killed_test.py HISTORY_WRITER
"""

import contextlib
import json
import os
import random
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

ROUNDS = 40
# so few that old runs are pruned in most transactions
KEPT = 60


def numbers_of(database, table):
    return {row[0] for row in database.execute(f"SELECT DISTINCT run FROM {table}")}


def check_whole(path, told, highest):
    """The file is sound, each run has all of its parts, and none that was told is lost. Returns the newest number."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        if database.execute("PRAGMA user_version").fetchone() == (0,):
            assert not told and not highest, "the tables are gone"
            assert database.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,), "half of the tables"
            return 0
        rows = database.execute("SELECT run, target, verdict, started_s FROM runs ORDER BY run").fetchall()
        runs = [row[0] for row in rows]
        for table in ("reports", "outcomes", "times"):
            found = numbers_of(database, table)
            assert found <= set(runs), f"{table} has runs that `runs` lacks"
            # Reports of a run that did not start have no outcomes.
            if table != "outcomes":
                assert found == set(runs), f"{table} lacks runs"
        for run, target, verdict, _ in rows:
            size, packed = database.execute("SELECT json_bytes, json_zlib FROM reports WHERE run = ?",
                                            (run,)).fetchone()
            text = zlib.decompress(packed)
            report = json.loads(text)
            assert len(text) == size and report["target"] == target and report["verdict"] == verdict
            outcomes = database.execute("SELECT model, check_id, status, findings FROM outcomes WHERE run = ? "
                                        "ORDER BY place", (run,)).fetchall()
            assert outcomes == [(r["model"], r["check"], r["outcome"]["status"], len(r["outcome"]["findings"]))
                                for r in report["results"]], f"outcomes of run {run}"
            times = database.execute("SELECT model, name, value_ns FROM times WHERE run = ? ORDER BY place",
                                     (run,)).fetchall()
            assert times == [(m["model"], m["name"], round(m["value"] * 1e9)) for m in report["measurements"]], \
                f"times of run {run}"
        newest = runs[-1] if runs else 0
        assert newest >= max([highest, *told]), f"run {newest} is the newest, {max([highest, *told])} was told"
        assert database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'runs'").fetchone() == (newest,) \
            or not runs
        for target in {row[1] for row in rows}:
            assert sum(row[1] == target for row in rows) <= KEPT + 1
        return newest


def kill_while_writing(writer, path, seconds, at_work):
    """The numbers that the writer told before it was killed: so many seconds after its start, or after the first."""
    with subprocess.Popen([writer, path, "1000000", str(KEPT)], stdout=subprocess.PIPE) as child:
        first = child.stdout.readline() if at_work else b""
        time.sleep(seconds)
        child.kill()
        # The last line may be cut off where it was killed.
        lines = (first + child.stdout.read()).decode().split("\n")[:-1]
    assert child.returncode == -9, f"the writer ended by itself with {child.returncode}"
    return [int(line) for line in lines]


def main():
    writer = sys.argv[1]
    seed = int(os.environ.get("RUNUP_SEED", random.randrange(2**32)))
    print(f"RUNUP_SEED={seed}")
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="runup-history-") as folder:
        path = Path(folder) / "state" / "history.db"
        highest = 0
        total = 0
        for turn in range(ROUNDS):
            if turn % 10 == 9:
                # the start of a new file is a moment too
                path = Path(folder) / f"state-{turn}" / "history.db"
                highest = 0
            told = kill_while_writing(writer, str(path), chance.uniform(0.0, 0.02 if turn % 10 == 9 else 0.3),
                                      at_work=turn % 2 == 0)
            assert not told or told == list(range(told[0], told[0] + len(told))), "numbers have gaps"
            assert not told or told[0] > highest, f"{told[0]} was given twice"
            total += len(told)
            if not path.exists():
                assert not told
            else:
                assert stat.S_IMODE(path.stat().st_mode) & ~0o640 == 0
                # the writer's own leftovers are recovered by whoever opens the file next
                highest = check_whole(path, told, highest)
        assert total > ROUNDS, f"only {total} runs were written"
        print(f"{ROUNDS} kills, {total} runs told, none lost")

        # and what was killed so often still takes a run
        done = subprocess.run([writer, str(path), "3", str(KEPT)], check=True, capture_output=True, text=True)
        assert [int(line) for line in done.stdout.split()][0] > highest


if __name__ == "__main__":
    main()
