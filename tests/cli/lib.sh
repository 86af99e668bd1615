# shellcheck shell=bash disable=SC2034 # `last`, `out` and `err` are for the test scripts
# SPDX-License-Identifier: Apache-2.0
# For the tests of the command line: PROGRAM SOURCE_FOLDER are the arguments of every test script.
set -uo pipefail

program=$1
source=$2
export LC_ALL=C.UTF-8 TERM=xterm
unset NO_COLOR COLUMNS

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
failures=0

# A service that is judged in milliseconds: a real checkpoint, and no runtime has to run it.
make_service() {
  local folder=$1
  mkdir -p "$folder"
  cp -r "$source/configs/examples/sign-language-service/." "$folder/"
  cat >"$folder/static.yaml" <<'END'
version: 1
target: sign-language-service
package: .
entrypoint: main.py
models:
  sign:
    path: models/cnn_bilstm_attention_model.pth
    state_dict: model_state_dict
    device: cpu
    labels: {from: checkpoint, key: label_encoder}
    inputs:
      - {name: frames, dtype: float32, shape: [1, 300, 147]}
checks:
  inference: {required: false, enabled: false}
  warmup-budget: {enabled: false}
END
  sed 's/attention_model/atention_model/' "$folder/static.yaml" >"$folder/broken.yaml"
  sed 's/required: false, enabled: false/enabled: false/' "$folder/static.yaml" >"$folder/unseen.yaml"
}

fail() {
  printf 'FAILED: %s\n' "$*"
  failures=$((failures + 1))
}

# run EXIT ARGS...: the program's output is in $out and $err afterwards
run() {
  local expected=$1 status=0
  shift
  last="runup $*"
  out=$work/out err=$work/err
  "$program" "$@" >"$out" 2>"$err" </dev/null || status=$?
  if [[ $status -ne $expected ]]; then
    fail "\`$last\` ended with $status, expected $expected"
    sed 's/^/  out: /' "$out" | tail -n 20
    sed 's/^/  err: /' "$err" | tail -n 20
  fi
}

# contains FILE TEXT, lacks FILE TEXT: fixed text
contains() {
  grep -qF -- "$2" "$1" && return
  fail "\`$last\`: ${1##*/} lacks: $2"
  sed 's/^/  /' "$1" | tail -n 30
}
lacks() {
  grep -qF -- "$2" "$1" || return 0
  fail "\`$last\`: ${1##*/} has: $2"
}
is_empty() {
  [[ -s $1 ]] || return 0
  fail "\`$last\`: ${1##*/} is not empty"
  sed 's/^/  /' "$1" | tail -n 10
}
equals() {
  [[ $1 == "$2" ]] || fail "\`$last\`: got \`$1\`, expected \`$2\`"
}

finish() {
  if [[ $failures -gt 0 ]]; then
    echo "$failures failures"
    exit 1
  fi
  exit 0
}
