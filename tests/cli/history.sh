#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `runup run --record`, `runup history`, and `runup diff` of runs by their numbers.
# shellcheck disable=SC2016 # the backticks are those of messages
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

make_service "$work/service"
cd "$work/service" || exit 1
export RUNUP_HISTORY=$work/state/history.db

# before the first run
for command in 'history' 'history --show last' 'diff last-ready last' 'diff 1 2'; do
  # shellcheck disable=SC2086 # the words of the command
  run 2 $command
  contains "$err" "there is no history at \`$RUNUP_HISTORY\`; \`runup run --record\` begins one"
  equals "$(wc -l <"$err")" 1
  is_empty "$out"
done
run 0 run static.yaml --quiet
[[ ! -e $RUNUP_HISTORY ]] || fail 'a run was recorded that nobody asked for'

# three runs, the second one not ready
run 0 run static.yaml --quiet --record
is_empty "$err"
run 1 run broken.yaml --quiet --record
run 0 run static.yaml --quiet --record --log-level info
contains "$err" "recorded the run as #3 in \`$RUNUP_HISTORY\`"
# a config that cannot be read has no target
printf 'version: 1\nmodles: {}\n' >mistaken.yaml
run 78 run mistaken.yaml --quiet --record
contains "$err" 'warning: the run is not recorded'

run 0 history
equals "$(head -n 1 "$out")" 'sign-language-service'
equals "$(sed -n '2,$p' "$out" | grep -oE '#[0-9]+' | tr '\n' ' ')" '#3 #2 #1 '
contains "$out" 'NOT READY  gate'
contains "$out" 'checks failed'
equals "$(grep -cE '^  #[0-9]+  20[0-9-]{8} [0-9:]{5}  (READY|NOT READY) +gate +[0-9.]+ m?s  [a-z0-9]' "$out")" 3
lacks "$out" $'\x1b'
is_empty "$err"
run 0 history sign-language-service -n 1
equals "$(wc -l <"$out")" 2
run 0 history --color always
contains "$out" $'\x1b[32mREADY'
run 2 history sign-langage-service
contains "$err" 'there is no run of `sign-langage-service`; did you mean `sign-language-service`?'
run 64 history -n 0
contains "$err" 'expected a number from 1'

# for programs
run 0 history --json
equals "$(grep -c '"run": ' "$out")" 3
contains "$out" '"verdict": "not-ready"'
run 0 history --show 2
contains "$out" '"verdict": "not-ready"'
run 0 history --show last-ready
contains "$out" '"verdict": "ready"'
cp "$out" last.json
run 0 run static.yaml --quiet --report json=now.json
run 0 diff last.json now.json
contains "$out" 'READY, as before'
run 2 history --show 17
contains "$err" 'run 17 is not in the history'
run 64 history --show yesterday
contains "$err" 'got `yesterday`'
run 64 history --show 2 --json

# runs are compared by number and by name, also with files
run 1 diff 1 2
contains "$out" 'sign-language-service: READY → NOT READY'
contains "$out" 'before     #1, 20'
contains "$out" 'after      #2, 20'
run 0 diff '#2' last
contains "$out" 'NOT READY → READY'
# the last run is ready itself: it is compared with the ready one before it
run 0 diff last-ready last
contains "$out" 'before     #1, 20'
contains "$out" 'after      #3, 20'
run 1 diff last-ready 2
contains "$out" 'before     #1, 20'
run 0 diff 2 now.json
run 2 diff last-ready 1
contains "$err" 'there is no ready run of `sign-language-service` before #1'
run 2 diff 1 99
contains "$err" 'run 99 is not in the history'
cp now.json last
run 0 diff ./last now.json
contains "$out" 'as before'
run 0 diff last now.json
contains "$out" 'before     #3, 20'
rm last

# a second target: then names need to say whose they are
run 0 run static.yaml --quiet --record --set target=other
run 0 history
equals "$(head -n 1 "$out")" 'other'
contains "$out" '#4'
contains "$out" '#1'
run 2 diff last-ready last
contains "$err" 'the history has runs of `other` and `sign-language-service`; name one of them: `--target NAME`'
equals "$(wc -l <"$err")" 1
run 0 diff last-ready last --target sign-language-service
contains "$out" '#3, 20'
run 0 diff last-ready 3
run 2 diff last-ready last --target nobody
contains "$err" '`nobody`'

# times: how they moved since the last ready run
if command -v python3 >"$work/which"; then
  python3 - "$RUNUP_HISTORY" <<'END_OF_SCRIPT'
import json
import sqlite3
import sys
import zlib

database = sqlite3.connect(sys.argv[1])
for run, p95 in ((1, 0.041), (3, 0.063)):
    report = json.loads(zlib.decompress(database.execute("SELECT json_zlib FROM reports WHERE run = ?", (run,)).fetchone()[0]))
    report["measurements"] = [{"model": "sign", "name": "p95", "value": p95, "low": p95 - 0.001, "high": p95 + 0.001,
                               "count": 200, "witness": "libtorch"}]
    text = json.dumps(report).encode()
    database.execute("UPDATE reports SET json_bytes = ?, json_zlib = ? WHERE run = ?", (len(text), zlib.compress(text), run))
database.commit()
END_OF_SCRIPT
  run 0 history sign-language-service
  contains "$out" '↑ sign: p95 rose from 41.0 ms to 63.0 ms (+54%), since #1'
  run 0 diff 1 3
  contains "$out" '↑ sign: p95 rose from 41.0 ms to 63.0 ms (+54%)'
fi

# a history that cannot be written or read changes no verdict, and stays as it is
echo 'somebody else'"'"'s notes' >notes.txt
cp notes.txt notes.before
run 0 run static.yaml --quiet --history notes.txt
contains "$err" 'warning: the run is not recorded: '
contains "$err" 'notes.txt` is not a history'
contains "$out" 'READY'
run 1 run broken.yaml --quiet --history /dev/null
contains "$err" '/dev/null` is a special file'
run 2 history --history notes.txt
contains "$err" 'is not a history'
cmp -s notes.txt notes.before || fail 'a file that is no history was changed'
# another place
run 0 run static.yaml --quiet --history here.db
run 0 history --history here.db
contains "$out" '#1'
run 2 history --history none/here.db
contains "$err" 'there is no history at'
[[ ! -e none ]] || fail 'reading made a folder'

run 0 history --help
contains "$out" 'usage: runup history [TARGET]'
contains "$out" '--show'
run 0 run --help
contains "$out" '--record'
contains "$out" 'RUNUP_HISTORY'

finish
