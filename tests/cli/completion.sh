#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # the backticks are those of messages
# The completion scripts parse, and bash's offers what the command line takes.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

run 0 completion bash
cp "$out" "$work/runup.bash"
bash -n "$work/runup.bash" || fail 'bash does not read its script'
for shell in zsh fish; do
  run 0 completion "$shell"
  if command -v "$shell" >"$work/which"; then
    "$shell" -n "$out" || fail "$shell does not read its script"
  fi
  for word in run inspect --report --select junit label-encoder; do
    contains "$out" "${word#--}"
  done
done
run 64 completion tcsh

# shellcheck disable=SC1091 # just written
. "$work/runup.bash"
# completes EXPECTED WORDS...: what is offered for the last word
completes() {
  local expected=$1
  shift
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
  _runup
  last="completion of: $*"
  equals "${COMPREPLY[*]}" "$expected"
}
completes 'init run list explain config inspect history diff completion' runup ''
completes 'init' runup ini
completes '--force' runup init --f
completes 'inspect' runup ins
completes 'json junit' runup run --report j
completes 'json junit' runup run -r j
completes 'never' runup run --color = n
completes 'auto always never' runup --color =
completes '--strict' runup run --str
completes 'label-encoder/class-count-mismatch' runup explain label-encoder/class-c
completes 'label-encoder' runup run --select label-
completes 'bash fish zsh' runup completion ''
completes '' runup run some-file
completes '' runup inspect model
finish
