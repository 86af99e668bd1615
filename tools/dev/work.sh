#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# work.sh COMMAND [ARGS]: the commands of ./dev that compile or test. Runs inside the environment, in the
# caller's folder; ./dev sets RUNUP_DEV_ENVIRONMENT (its id) and RUNUP_DEV_CACHE (the cache folder).
set -euo pipefail

tools=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
repo=$(dirname "$(dirname "$tools")")
# shellcheck source=tools/dev/common.sh
. "$tools/common.sh"

environment=$RUNUP_DEV_ENVIRONMENT cache=$RUNUP_DEV_CACHE
unset RUNUP_DEV_ENVIRONMENT RUNUP_DEV_CACHE

release=$repo/build/release
sanitize=$repo/build/sanitize
jobs=$(nproc)

# objects are shared between build folders and between clones
export CCACHE_DIR=$cache/ccache CCACHE_BASEDIR=$repo CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=5G
# what ccache needs to reuse objects made with a precompiled header
export CCACHE_SLOPPINESS=pch_defines,time_macros
export CTEST_PARALLEL_LEVEL=$jobs

# configure FOLDER OPTION...: runs CMake when the folder is new, the options changed, or it was made in
# another environment; later changes of CMake files are seen by the build itself
configure() {
  local folder=$1 stamp=$1/dev-environment wanted
  shift
  wanted="$environment $*"
  if [[ -e $folder/build.ninja && -e $stamp && $(<"$stamp") == "$wanted" ]]; then
    return
  fi
  cmake --fresh -G Ninja -S "$repo" -B "$folder" -DCMAKE_CXX_COMPILER_LAUNCHER=ccache \
    -DCMAKE_EXPORT_COMPILE_COMMANDS=ON -DRUNUP_TESTS=ON "$@" &&
    echo "$wanted" >"$stamp"
}

# The unit tests run once in a test of all: in build/sanitize. Here they are built when they are asked for.
unit_tests=OFF
with_unit_tests() { unit_tests=ON; }

# without -DNDEBUG: an assertion that fails is a crash somebody can report, not a wrong verdict
configure_release() {
  configure "$release" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O2 -DRUNUP_TORCH=ON \
    -DRUNUP_UNIT_TESTS="$unit_tests"
}

# -O0: with the sanitisers, optimising costs more time than the tests save
configure_sanitize() {
  configure "$sanitize" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0 \
    -DRUNUP_SANITIZE=ON -DRUNUP_TORCH=OFF
}

# locked COMMAND...: one ./dev at a time changes build/; another one waits
locked() {
  local lock status=0
  mkdir -p "$repo/build"
  exec {lock}>"$repo/build/lock"
  flock "$lock"
  "$@" {lock}>&- || status=$?
  exec {lock}>&-
  return "$status"
}

# build_release [TARGET...]
build_release() {
  locked stage configure 'configure build/release' configure_release &&
    locked stage build "compile build/release: $*" cmake --build "$release" --parallel "$jobs" --target "$@"
}

build_quietly() {
  configure_release && cmake --build "$release" --parallel "$jobs" --target runup runup-probe-torch runup-probe-onnxruntime
}

build() {
  build_release all
  say "the program is $release/bin/runup"
}

run_program() {
  mkdir -p "$log_dir"
  if ! locked build_quietly >"$log_dir/build.log" 2>&1 </dev/null; then
    tail -n 100 "$log_dir/build.log" >&2
    die "the build failed; its log is $log_dir/build.log"
  fi
  exec "$release/bin/runup" "$@"
}

# expect STATUS COMMAND...: an exit status other than STATUS is a failure
expect() {
  local wanted=$1 status=0
  shift
  "$@" </dev/null || status=$?
  ((status == wanted)) || die "\`$1\` ended with status $status; expected $wanted"
}

demo() {
  local program=$release/bin/runup examples=$repo/configs/examples results=$repo/build/demo
  build_release runup runup-probe-torch runup-probe-onnxruntime
  mkdir -p "$results"
  rm -f "$results"/*
  cd "$repo"
  printf '\nthe example service (expected: ready)\n\n'
  expect 0 "$program" run "$examples/sign-language-service/runup.yaml" --report text \
    --report "json=$results/ready.json" --report "junit=$results/ready.xml"
  printf '\nits broken copy (expected: not ready)\n\n'
  expect 1 "$program" run "$examples/sign-language-service-broken/runup.yaml" --report text \
    --report "json=$results/not-ready.json" --report "junit=$results/not-ready.xml"
  printf '\nboth verdicts are as expected; the reports are\n'
  local file
  for file in ready.json ready.xml not-ready.json not-ready.xml; do
    [[ -s $results/$file ]] || die "$results/$file was not written"
    echo "  build/demo/$file"
  done
}

golden() {
  with_unit_tests
  build_release all
  say '  accepting what the golden tests print'
  RUNUP_UPDATE_GOLDEN=1 ctest --test-dir "$release" --tests-regex golden --output-on-failure --no-tests=error
  echo 'the golden files are rewritten; read the difference with git diff before you commit it'
}

bench() {
  build_release runup runupd runup-probe-torch runup-probe-onnxruntime loop-torch loop-onnxruntime bench-history fast-daemon
  cd "$repo"
  python3 tests/bench/bench.py "$release/bin" "$@"
  python3 tests/bench/runtimes.py "$release/bin" "$release/bench"
  python3 tests/bench/beside_server.py "$release/bin"
  python3 tests/bench/day.py "$release/bench/fast-daemon"
}

# What is built does not depend on when: the date is that of the newest entry of Debian's changelog.
make_packages() {
  rm -rf "$repo/build/package"
  SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(dpkg-parsechangelog --file "$repo/packaging/deb/changelog" --show-field Timestamp)} \
    cpack --config "$release/CPackConfig.cmake" -B "$repo/build/package" &&
    rm -rf "$repo/build/package/_CPack_Packages"
}

package() {
  build_release packaged
  locked stage package 'make the Debian packages' make_packages
  ls "$repo/build/package"/*.deb
}

# shellcheck source=tools/dev/tests.sh
. "$tools/tests.sh"

case $1 in
  build) build ;;
  runup) run_program "${@:2}" ;;
  demo) demo ;;
  test) run_tests "${@:2}" ;;
  lint) run_lint ;;
  format) format ;;
  golden) golden ;;
  bench) bench "${@:2}" ;;
  package) package ;;
  *) die "\`$1\` is not a command" ;;
esac
