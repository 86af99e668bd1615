#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # the backticks are those of messages
# Every situation has its exit code, and it is the same for every format.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

make_service "$work/service"
cd "$work/service" || exit 1

for format in text json junit; do
  run 0 run static.yaml --report "$format"
  run 1 run broken.yaml --report "$format"
  run 2 run unseen.yaml --report "$format"
  run 2 run static.yaml --report "$format" --skip '*'
  run 64 run static.yaml --report "$format" --set models.sign.devise=cpu
  run 78 run nowhere.yaml --report "$format"
done

# the reasons
run 0 run static.yaml
contains "$out" 'READY: '
is_empty "$err"
run 1 run broken.yaml
contains "$out" 'NOT READY: '
run 2 run unseen.yaml
contains "$out" 'UNDECIDED: no witness ran an inference of `sign`'

# a bad command line: one line on stderr that says what and where to look
bad() {
  local expected=$1
  shift
  run 64 "$@"
  is_empty "$out"
  contains "$err" "$expected"
  equals "$(wc -l <"$err")" 1
}
bad 'unknown option `--strit`; did you mean `--strict`?; see `runup run --help`' run --strit
bad 'unknown command `rnu`; did you mean `run`?; see `runup --help`' rnu
bad 'unexpected argument `b.yaml`' run static.yaml b.yaml
bad '`ID` is missing' explain
bad '`FILE` is missing' inspect
bad 'there is no report format `junitt`; did you mean `junit`?' run --report junitt
bad 'two reports go to standard output' run --report json --report text
bad 'there is no folder `none`' run --report json=none/report.json
bad 'it is a folder' run --report json=.
bad 'names no file after `=`' run --report json=
bad '`--jobs`: got `0`' run --jobs 0
bad '`--jobs`: got `many`' run --jobs many
bad '`--color`: got `alwyas`, expected one of `auto`, `always` and `never`; did you mean `always`?' list --color alwyas
bad '--quiet excludes --verbose; give one of them' run --quiet --verbose
bad 'a value is missing: `--report FORMAT[=PATH]`' run --report
bad 'no command is given' --color never
bad 'nothing is called `label-encodr`; did you mean `label-encoder`?' explain label-encodr
bad 'did you mean `label-encoder/class-count-mismatch`?' explain class-count
export RUNUP_PROBE_TIMEOUT=soon
bad '$RUNUP_PROBE_TIMEOUT is `soon`' run static.yaml
unset RUNUP_PROBE_TIMEOUT
run 64
contains "$err" 'usage: runup COMMAND'

# a bad config: all mistakes at once, like a compiler's, and the reports are written all the same
cat >bad.yaml <<'END'
version: 1
target: t
package: .
modles: {}
models:
  sign:
    path: 7
END
run 78 run bad.yaml --report json --report junit=bad.xml --report text=bad.txt
contains "$err" 'bad.yaml:4:1: '
contains "$err" 'bad.yaml:7:11: '
lacks "$err" 'runup: '
contains "$out" '"setup_errors"'
contains bad.xml '<testcase classname="runup" name="setup"'
contains bad.txt 'bad.yaml:4:1: '

# a report that cannot be written takes the verdict with it
run 2 run static.yaml --report json=/dev/full
contains "$err" 'No space left on device'
contains "$out" 'READY: '
run 1 run broken.yaml --report json=/dev/full

run 0 --help
run 0 help
run 0 help run
run 0 --version
run 0 run --help
finish
