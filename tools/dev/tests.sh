# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The stages of `./dev test` and `./dev lint`. Each goes on after a failure where that is useful, so that
# one run shows all; the last line sums them up. Sourced by work.sh.

: "${repo:?}" "${log_dir:?}" "${tools:?}" "${release:?}" "${sanitize:?}" "${cache:?}" "${jobs:?}"

passed=0 failed=0 skipped=0

# counted STAGE-ARGUMENTS...: a stage that is one test of the sum
counted() {
  if stage "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    return 1
  fi
}

# run_ctest NAME FOLDER CTEST-OPTION...: adds its tests to the sum, as ctest's own summary counts them
# (its JUnit file calls a test that could not start skipped)
run_ctest() {
  local name=$1 folder=$2 log=$log_dir/$1.log status=0 bad=0 total=0 skips
  shift 2
  stage "$name" "run the tests of ${folder#"$repo/"}" ctest --test-dir "$folder" --output-on-failure \
    --no-tests=error --output-junit "$repo/build/results/$name.xml" "$@" || status=$?
  read -r bad total < <(sed -n 's/.*% tests passed, \([0-9]*\) tests\? failed out of \([0-9]*\)$/\1 \2/p' "$log" | tail -n 1) || true
  skips=$(grep --count $'^\t *[0-9]* - .* (Skipped)$' "$log" || true)
  if ((status != 0 && bad == 0)); then
    bad=1 total=$((total + 1))
  fi
  say "      $((total - bad - skips)) passed, $bad failed, $skips skipped"
  passed=$((passed + total - bad - skips)) failed=$((failed + bad)) skipped=$((skipped + skips))
}

# sources PATTERN...: our files whose names match, without what is built
sources() {
  local patterns=() pattern
  for pattern in "$@"; do patterns+=(-o -name "$pattern"); done
  find "$repo" -path "$repo/build" -prune -o -path "$repo/.git" -prune -o -type f \( "${patterns[@]:1}" \) -print0
}

# scripts: our files that are bash or sh, whatever their name
scripts() {
  find "$repo" -path "$repo/build" -prune -o -path "$repo/.git" -prune -o -type f -size -200k -print0 |
    xargs -0 grep --files-with-matches --null --max-count=1 -e '^#!/bin/\(ba\)\?sh' -e '^# shellcheck shell=' --
}

check_format() { sources '*.cpp' '*.h' | xargs -0 clang-format-19 --dry-run -Werror; }
check_scripts() { scripts | xargs -0 shellcheck --external-sources --source-path="$repo"; }

check_licence() {
  local missing
  missing=$({ sources '*.cpp' '*.h' '*.py' '*.cmake' CMakeLists.txt && scripts; } |
    xargs -0 grep --files-without-match 'SPDX-License-Identifier: Apache-2.0' --) || true
  [[ -z $missing ]] || { echo "without an SPDX line:" && echo "$missing" && return 1; }
}

check_python() {
  sources '*.py' | xargs -0 python3 -c '
import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name, encoding="utf-8").read(), name)'
}

check_tidy() { "$tools/tidy.py" "$repo" "$release" "$cache/tidy"; }

format() {
  sources '*.cpp' '*.h' | xargs -0 clang-format-19 -i
  echo 'the C++ sources are formatted'
}

# lint: what clang-tidy needs was compiled before, since generated sources and the record of includes
# come from there
lint() {
  counted format 'clang-format' check_format || true
  counted shellcheck 'shellcheck' check_scripts || true
  counted licence 'SPDX lines' check_licence || true
  counted python 'Python sources parse' check_python || true
  counted tidy 'clang-tidy (sources that changed since they were clean)' check_tidy || true
}

close() {
  echo "in $SECONDS s; the logs are in build/log, the results of the tests in build/results"
  echo "$passed passed, $failed failed, $skipped skipped"
  ((failed == 0 && passed > 0))
}

run_lint() {
  build_release all || failed=$((failed + 1))
  lint
  close
}

# run_tests [NAME]
run_tests() {
  [[ $# -eq 0 ]] || with_unit_tests
  if ! build_release all; then
    failed=$((failed + 1))
  elif [[ $# -gt 0 ]]; then
    run_ctest release "$release" --tests-regex "$1"
  else
    run_ctest release "$release"
  fi
  if [[ $# -eq 0 ]]; then
    lint
    run_sanitize
  fi
  close
}

run_sanitize() {
  if locked stage sanitize-configure 'configure build/sanitize (address and undefined behaviour)' configure_sanitize &&
    locked stage sanitize-build 'compile build/sanitize' cmake --build "$sanitize" --parallel "$jobs"; then
    ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 \
      UBSAN_OPTIONS=print_stacktrace=1 \
      run_ctest sanitize "$sanitize"
  else
    failed=$((failed + 1))
  fi
}
