#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The files of real runs, whatever their verdict, are read by the readers that the goldens are held to.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

make_service "$work/service"
cd "$work/service" || exit 1
printf 'version: 1\nmodles: {}\n' >mistaken.yaml

files=()
for case in static:0 broken:1 unseen:2 mistaken:78; do
  name=${case%:*} exit=${case#*:}
  run "$exit" run "$name.yaml" --report junit="$name.$exit.xml" --report json="$name.$exit.json"
  files+=("$name.$exit")
done
python3 "$source/tests/golden/read_junit.py" "${files[@]/%/.xml}" || fail 'a junit file'
python3 "$source/tests/golden/validate_json.py" "$source/reports/json/report.schema.json" "${files[@]/%/.json}" ||
  fail 'a json file'
run 0 list --json
python3 -m json.tool "$out" "$work/list.json" || fail 'the list as json'
run 0 config static.yaml --json
python3 -m json.tool "$out" "$work/config.json" || fail 'the config as json'
finish
