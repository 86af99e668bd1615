#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# new_check.sh ID: makes checks/ID/ from the templates in new-check/. The folder is the registration, so
# nothing else is edited.
set -euo pipefail

tools=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
repo=$(dirname "$(dirname "$tools")")
# shellcheck source=tools/dev/common.sh
. "$tools/common.sh"

id=${1:-}
[[ $id =~ ^[a-z][a-z0-9]*(-[a-z0-9]+)*$ ]] ||
  misuse "\`$id\` is no id for a check; expected lower-case words with dashes, such as \`weights-finite\`"
case $id in
  no-* | check-* | prefer-* | avoid-* | do-not-*)
    misuse "name the property that must hold (\`label-encoder\`), not what to do: \`$id\`"
    ;;
esac
[[ ! -e $repo/checks/$id ]] || die "checks/$id is there already"

version=$(sed -n 's/^project(runup VERSION \([0-9.]*\).*/\1/p' "$repo/CMakeLists.txt")
fresh=$(mktemp -d "$repo/checks/.new-XXXXXX")
trap 'rm -rf "$fresh"' EXIT
for name in check.cpp check.md check_test.cpp; do
  sed -e "s/@ID@/$id/g" -e "s/@NAMESPACE@/${id//-/_}/g" -e "s/@VERSION@/$version/g" \
    "$tools/new-check/$name.in" >"$fresh/$name"
done
chmod 755 "$fresh"
mv "$fresh" "$repo/checks/$id"

cat <<END
made checks/$id/
  check.cpp        options, findings, judge: replace the example in it
  check.md         the page, also the text of \`runup explain $id\`
  check_test.cpp   one test for each finding, one for the good case, one for absent facts
test it with: ./dev test $id
END
