#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # the backticks are those of messages
# A signal ends the run early, with its reports and without leaving anything behind.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

make_service "$work/service"
cd "$work/service" || exit 1
mkdir plugins
marker=runup-test-sleep-$$
cat >plugins/sleeps-long <<END
#!/bin/bash
if [[ \${1:-} == --describe ]]; then
  echo '{"protocol": 1, "id": "sleeps-long", "summary": "never ends by itself", "needs": [], "options": {}}'
  exit 0
fi
touch '$work/asleep'
exec -a $marker sleep 300
END
chmod +x plugins/sleeps-long
echo 'plugins: [plugins/sleeps-long]' >>static.yaml

for signal in INT TERM HUP; do
  last="runup run static.yaml, then SIG$signal"
  rm -f "$work/asleep" report.*
  # not by `&` alone: a shell's background job ignores SIGINT
  setsid env --default-signal=INT "$program" run static.yaml --report text --report json=report.json \
    --report junit=report.xml >"$work/out" 2>"$work/err" </dev/null &
  pid=$!
  for ((i = 0; i < 200; i++)); do
    [[ -e $work/asleep ]] && break
    sleep 0.05
  done
  [[ -e $work/asleep ]] || fail "the plugin did not start"
  # Ctrl-C reaches the whole group, a service manager's SIGTERM only the program
  if [[ $signal == INT ]]; then
    kill -s INT -- "-$pid"
  else
    kill -s "$signal" "$pid"
  fi
  status=0
  wait "$pid" || status=$?
  equals "$status" 130
  contains "$work/out" 'the run was interrupted'
  contains report.json '"interrupted": true'
  contains report.xml '<error'
  contains "$work/out" 'model-present'
  if pgrep -f "$marker" >"$work/left"; then
    fail "$last: something is left running: $(<"$work/left")"
  fi
done
finish
