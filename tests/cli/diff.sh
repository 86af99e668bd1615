#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `runup diff`: two reports of one target, and files that are none.
# shellcheck disable=SC2016 # the backticks are those of messages
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

make_service "$work/service"
cd "$work/service" || exit 1

run 0 run static.yaml --quiet --report json=before.json
run 1 run broken.yaml --quiet --report json=after.json
run 0 diff before.json before.json
contains "$out" 'sign-language-service: READY, as before'
contains "$out" '23 as before'
run 1 diff before.json after.json
contains "$out" 'sign-language-service: READY → NOT READY'
contains "$out" '✗ sign/model-present  passed → failed'
contains "$out" 'model-present/missing'
contains "$out" 'static.yaml → '
lacks "$out" $'\x1b'
is_empty "$err"
run 0 diff after.json before.json
contains "$out" '✓ sign/model-present  failed → passed'
contains "$out" 'gone  error'

echo '{}' >other.json
run 2 diff before.json other.json
contains "$err" '`other.json` is JSON, but not a report'
is_empty "$out"
run 2 diff static.yaml none.json
contains "$err" '`static.yaml` is no JSON'
contains "$err" 'none.json'
sed 's/"version": 1,/"version": 2,/' before.json >future.json
run 2 diff before.json future.json
contains "$err" '`future.json` is a report of version 2; this runup reads version 1'
sed 's/"verdict": "ready"/"verdict": "fine"/' before.json >wrong.json
run 2 diff wrong.json before.json
contains "$err" 'in `wrong.json`'
contains "$err" 'fine'
head -c 1000 before.json >cut.json
run 2 diff before.json cut.json
contains "$err" '`cut.json` is no JSON'

finish
