#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # the backticks are those of messages
# What is printed where: terminals, pipes, colours, files, help.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

make_service "$work/service"
cd "$work/service" || exit 1
escape=$'\x1b'

# on_terminal COMMAND: what a terminal of 100 columns would get, stdout and stderr together
on_terminal() {
  last="on a terminal: $1"
  out=$work/out
  script -qec "stty cols 100; $1" /dev/null >"$out" </dev/null || true
}

# pipes have no colour and no progress
run 0 run static.yaml
lacks "$out" "$escape"
is_empty "$err"
run 0 run static.yaml --color always
contains "$out" "${escape}[32m✓"
run 0 --color always list
contains "$out" "$escape"
run 0 list --color always --no-color
lacks "$out" "$escape"

# terminals have both
on_terminal "'$program' run static.yaml"
contains "$out" "${escape}[32m✓"
contains "$out" "${escape}[2K"
on_terminal "NO_COLOR=1 '$program' run static.yaml 2>/dev/null"
lacks "$out" "$escape"
on_terminal "NO_COLOR= '$program' list"
contains "$out" "$escape"
on_terminal "TERM=dumb '$program' list"
lacks "$out" "$escape"
on_terminal "NO_COLOR=1 '$program' list --color always"
contains "$out" "$escape"

# the last line is the verdict; --quiet has nothing else when all is well
run 0 run static.yaml --quiet
equals "$(wc -l <"$out")" 1
contains "$out" 'READY: '
run 1 run broken.yaml --quiet
contains "$out" 'fix: '
lacks "$out" 'runup explain'
contains <(tail -n 1 "$out") 'NOT READY: '
run 0 run static.yaml --verbose
contains "$out" 'passed'

# files are whole and beside what goes to standard output
run 0 run static.yaml --report json --report junit=a.xml --report text=a.txt --quiet
contains "$out" '"verdict": "ready"'
contains a.xml '<testsuite name="sign-language-service"'
contains a.txt 'sign-language-service'
lacks a.txt "$escape"
equals "$(find . -name 'a.*.*')" ''
run 0 run static.yaml --report junit=a.xml
contains "$out" 'READY: '
run 0 run static.yaml --report text=/dev/stderr --report json=-
contains "$err" 'READY: '

# a reader that goes away changes nothing, and nobody is told
for command in 'list' 'explain inference' '--help' 'run static.yaml' 'run static.yaml --report json'; do
  last="runup $command | true"
  # shellcheck disable=SC2086 # the words of the command
  "$program" $command 2>"$work/err" | true
  equals "${PIPESTATUS[0]}" 0
  is_empty "$work/err"
done

# the config's folder counts, not the caller's
(cd / && "$program" run "$work/service/static.yaml" --quiet >"$work/out") || fail 'a run from another folder'

# help: what it is, how it is called, examples that are whole
for command in run list explain config inspect completion; do
  run 0 "$command" --help
  contains "$out" "usage: runup $command"
  contains "$out" '--help'
  lacks "$out" '[OPTIONS] [OPTIONS]'
done
run 0 --help
for word in run list explain config inspect completion 'Exit codes' 'Examples' '--version'; do
  contains "$out" "$word"
done
on_terminal "'$program' run --help"
contains "$out" "${escape}[1m"
run 0 --version
contains "$out" 'runup 0.'
contains "$out" 'pugixml'

# list and explain know the same things
run 0 list
cp "$out" list.txt
for id in device-mapping inference label-encoder model-loadable model-present state-dict-format warmup-budget; do
  contains list.txt "$id"
  run 0 explain "$id"
  contains "$out" "$id"
  contains "$out" 'How to fix'
  lacks "$out" '---'
  on_terminal "'$program' explain $id"
  contains "$out" "${escape}[1m$id"
done
run 0 explain label-encoder/class-count-mismatch
contains "$out" 'class-count-mismatch'
contains "$out" 'error unless the config says otherwise'
contains "$out" 'runup explain label-encoder'
run 0 explain class-count-mismatch
contains "$out" 'label-encoder/class-count-mismatch'
run 0 explain junit
contains "$out" 'classname'
run 0 list --json
contains "$out" '"id": "label-encoder/class-count-mismatch"'

# plugins are listed and explained like built-in checks, whether or not there is a config
for folder in "$work/service" "$work"; do
  (
    cd "$folder" || exit 1
    export RUNUP_PLUGIN_DIR=$source/plugins/examples/file-age
    run 0 list
    contains "$out" 'file-age'
    run 0 explain file-age
    contains "$out" 'file-age/file-age'
    contains "$out" 'Options'
    [[ $failures -eq 0 ]]
  ) || fail "plugins in $folder"
done

# diagnostics only when asked for
run 0 run static.yaml --log-level debug
contains "$err" '[debug]'
run 0 run static.yaml --log-level off
is_empty "$err"
finish
