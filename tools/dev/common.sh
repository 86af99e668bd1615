# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What ./dev prints. Progress goes to stderr, so that `./dev runup` leaves stdout to the program;
# results go to stdout. Sourced; the caller sets `repo`.

log_dir=${repo:?}/build/log

if [[ -t 2 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
  red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
  red='' green='' plain=''
fi

say() { printf '%s\n' "$*" >&2; }

# what stops ./dev itself ends it with EX_UNAVAILABLE, and a wrong command line with EX_USAGE; the first
# is no verdict of runup, the second means the same there
die() {
  say "${red}dev:${plain} $*"
  exit 69
}

misuse() {
  say "${red}dev:${plain} $*"
  exit 64
}

# elapsed START: seconds since START (a value of EPOCHREALTIME), with one digit
elapsed() {
  local now=${EPOCHREALTIME//[.,]/} then=${1//[.,]/}
  local tenths=$(((now - then) / 100000))
  printf '%d.%d s' $((tenths / 10)) $((tenths % 10))
}

# stage NAME TITLE COMMAND...: runs COMMAND with its output in build/log/NAME.log, and prints one line
# with the elapsed time. On failure prints the end of the log and returns the command's status.
# As always in bash, `set -e` is off inside a function called this way: chain its steps with &&.
stage() {
  local log=$log_dir/$1.log title=$2 start=$EPOCHREALTIME status=0
  shift 2
  mkdir -p "$log_dir"
  printf '  %-58s' "$title" >&2
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if ((status == 0)); then
    say "${green}ok${plain}      $(elapsed "$start")"
  else
    say "${red}failed${plain}  $(elapsed "$start")"
    say "---- the last lines of $log"
    tail -n "${RUNUP_DEV_LOG_LINES:-100}" "$log" >&2
    say "----"
  fi
  return "$status"
}
