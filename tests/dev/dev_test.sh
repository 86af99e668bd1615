#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dev_test.sh NAME: one test of ./dev, a function below
set -euo pipefail

repo=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")

fail() {
  echo "$*" >&2
  exit 1
}

# ends_with STATUS COMMAND...
ends_with() {
  local wanted=$1 status=0
  shift
  "$@" || status=$?
  [[ $status == "$wanted" ]] || fail "\`$*\` ended with $status; expected $wanted"
}

package_lists() {
  local list
  for list in "$repo"/tools/dev/packages-{build,test}.txt; do
    grep -v '^#' "$list" | sort --check --unique || fail "$list is not sorted, or names a package twice"
    ! grep -v '^#' "$list" | grep --quiet --invert-match --line-regexp --extended-regexp '[a-z0-9][a-z0-9.+-]+' ||
      fail "$list has a line that is no package name"
  done
  local both
  both=$(sort "$repo"/tools/dev/packages-{build,test}.txt | grep -v '^#' | uniq --repeated)
  [[ -z $both ]] || fail "in both lists: $both"
}

# every command that ./dev knows is in its help, and the other way round
help() {
  local known told
  known=$(sed -n 's/^  \([a-z| -]*\)).*/\1/p' "$repo/dev" | tr '|' '\n' | tr --delete ' ' | grep '^[a-z]' | sort)
  told=$("$repo/dev" help | sed -n 's/^  \([a-z-]*\) .*/\1/p' | sort)
  [[ -n $told && $known == "$told" ]] || fail "commands: $known"$'\n'"in the help: $told"
}

wrong_commands() {
  ends_with 64 "$repo/dev" no-such-command
  ends_with 64 "$repo/dev" setup --no-such-option
  ends_with 64 "$repo/dev" new-check Wrong_Id
  ends_with 64 "$repo/dev" new-check ../escape
  ends_with 69 "$repo/dev" new-check "$(basename "$(find "$repo/checks" -mindepth 1 -maxdepth 1 -type d -print -quit)")"
}

# in a copy of what the command reads, since it must write beside it
new_check() {
  local copy
  copy=$(mktemp --directory)
  # shellcheck disable=SC2064
  trap "rm -rf '$copy'" EXIT
  mkdir "$copy/checks"
  cp -r "$repo/dev" "$repo/tools" "$repo/CMakeLists.txt" "$copy"
  ends_with 0 "$copy/dev" new-check long-word-id
  local made
  made=$(cd "$copy" && find checks -type f | sort | xargs)
  [[ $made == 'checks/long-word-id/check.cpp checks/long-word-id/check.md checks/long-word-id/check_test.cpp' ]] ||
    fail "it made: $made"
  ! grep --recursive '@[A-Z]*@' "$copy/checks" || fail 'a placeholder is left'
  ! command -v clang-format-19 >/dev/null ||
    clang-format-19 --style="file:$repo/.clang-format" --dry-run -Werror "$copy"/checks/*/*.cpp
}

"$1"
