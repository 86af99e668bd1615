# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Where the work is done: this host when it is Debian 13 and has (or, as root, gets) the packages;
# otherwise a private Debian 13 root under the user's cache. Sourced by ./dev.
#
#   environment build|test    makes it, sets environment_root (empty: this host) and environment_id
#   enter COMMAND...          exec's COMMAND there, in the current folder
#
# The root is named by a hash of the package lists, is made in a temporary folder and then renamed, so
# one that exists is whole; a lock keeps two runs from making it twice.

suite=trixie
mirror=${RUNUP_DEBIAN_MIRROR:-http://deb.debian.org/debian}
user=$(id -un)
export HOME=${HOME:-$(getent passwd "$EUID" | cut --delimiter=: --fields=6)}
namespaces=(--mount --propagation=private)
((EUID == 0)) || namespaces+=(--user --map-root-user)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/runup

# packages KIND: the names, one a line; the environment for tests holds that for the build
packages() {
  local lists=("$repo/tools/dev/packages-build.txt")
  [[ $1 == build ]] || lists+=("$repo/tools/dev/packages-test.txt")
  grep --no-filename -v '^#' "${lists[@]}"
}

environment() {
  local kind=$1
  environment_root='' environment_id=host
  if is_debian_13 && host_has_packages "$kind"; then
    return
  fi
  local test_root build_root
  test_root=$cache/$(root_name test)
  build_root=$cache/$(root_name build)
  if [[ -d $test_root ]]; then
    environment_root=$test_root
  elif [[ $kind == test ]]; then
    make_root test "$test_root"
    environment_root=$test_root
  else
    [[ -d $build_root ]] || make_root build "$build_root"
    environment_root=$build_root
  fi
  environment_id=${environment_root##*/}
  touch "$environment_root"
}

root_name() {
  local hash
  hash=$({ echo "$suite" && packages "$1"; } | sha256sum)
  echo "debian-13-$1-${hash:0:12}"
}

is_debian_13() (
  . /etc/os-release
  [[ ${ID:-} == debian && ${VERSION_ID:-} == 13 ]]
)

# host_has_packages KIND: true when every package is installed, after installing what is missing if we may
host_has_packages() {
  local missing
  missing=$(missing_packages "$1")
  [[ -n $missing ]] || return 0
  ((EUID == 0)) || return 1
  mapfile -t missing <<<"$missing"
  stage setup "apt-get install ${#missing[@]} packages that are missing here" \
    install_packages "${missing[@]}" || die 'the packages could not be installed'
}

missing_packages() {
  local installed
  # dpkg-query complains about a name it has never seen, which is an answer too; the format is its own
  # shellcheck disable=SC2016
  installed=$(packages "$1" | xargs dpkg-query --show --showformat '${Package} ${db:Status-Status}\n' 2>/dev/null || true)
  installed=$(sed -n 's/ installed$//p' <<<"$installed" | sort -u)
  comm -23 <(packages "$1" | sort -u) <(echo "$installed")
}

install_packages() {
  apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"
}

# make_root KIND FOLDER
make_root() {
  local kind=$1 root=$2
  need_namespaces
  need_mmdebstrap
  mkdir -p "$cache"
  local lock
  exec {lock}>"$cache/lock"
  if ! flock --nonblock "$lock"; then
    say '  another ./dev is making an environment; waiting for it'
    flock "$lock"
  fi
  if [[ ! -d $root ]]; then
    stage setup "Debian 13 root with the packages for the $kind (once)" bootstrap "$kind" "$root" || explain_bootstrap_failure
    remove_unused_roots
  fi
  exec {lock}>&-
}

# a root of 1 or 2 GB stays for each package list; those that nothing entered for a month go
remove_unused_roots() {
  find "$cache" -maxdepth 1 -type d -name 'debian-13-*' -mtime +30 -exec rm -rf --one-file-system {} +
}

bootstrap() {
  local kind=$1 root=$2 fresh=$2.new include
  include=$(packages "$kind" | paste --serial --delimiters=,)
  local options=(
    --variant=minbase --components=main --include="$include"
    --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"'
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*'
    --dpkgopt='path-exclude=/usr/share/locale/*'
  )
  rm -rf --one-file-system "$fresh" && mkdir -p "$fresh" || return
  if ((EUID == 0)); then
    # a mount namespace of its own: whatever happens, no mount is left inside the folder
    unshare --mount mmdebstrap --mode=root "${options[@]}" "$suite" "$fresh" "$mirror" || return
  else
    # as a tar, since the files of a user-namespace root would belong to foreign user ids; device
    # files cannot be made by a user and come from the host anyway
    TMPDIR=/var/tmp mmdebstrap --mode=unshare "${options[@]}" --format=tar "$suite" - "$mirror" |
      tar --extract --directory="$fresh" --no-same-owner --exclude='./dev/*' || return
  fi
  mv "$fresh" "$root"
}

need_mmdebstrap() {
  local missing=()
  command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
  ((EUID == 0)) || command -v newuidmap >/dev/null || missing+=(uidmap)
  [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || missing+=(debian-archive-keyring)
  if [[ ${#missing[@]} -gt 0 ]]; then
    command -v apt-get >/dev/null ||
      die "a Debian 13 root is needed, and this host has no \`mmdebstrap\` to make one; use a Debian 12 or 13 host, or a \`debian:13\` container"
    ((EUID == 0)) ||
      die "a Debian 13 root is needed, and ${missing[*]} to make it; run: sudo apt-get install --yes --no-install-recommends ${missing[*]}"
    stage setup-tools "apt-get install ${missing[*]} on this host" install_packages "${missing[@]}" ||
      die "${missing[*]} could not be installed"
  fi
  if ((EUID != 0)) && ! grep -q "^\($user\|$EUID\):" /etc/subuid 2>/dev/null; then
    die "making a Debian 13 root without privileges needs subordinate ids; run: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $user"
  fi
}

explain_bootstrap_failure() {
  if grep -q -e NO_PUBKEY -e 'is not signed' -e EXPKEYSIG "${log_dir:?}/setup.log"; then
    die "this host's \`debian-archive-keyring\` has no key for Debian 13; update it: sudo apt-get install debian-archive-keyring"
  fi
  die "the Debian 13 root could not be made from $mirror"
}

need_namespaces() {
  unshare "${namespaces[@]}" true ||
    die "this host lets us make no namespace (a container without CAP_SYS_ADMIN?); use a Debian 13 host or a \`debian:13\` container, where none is needed"
}

enter() {
  export RUNUP_DEV_ENVIRONMENT=$environment_id RUNUP_DEV_CACHE=$cache
  # Debian's own tools before whatever the user has installed beside them
  export PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
  [[ -n $environment_root ]] || exec "$@"
  need_namespaces
  exec unshare "${namespaces[@]}" bash "$repo/tools/dev/enter.sh" \
    "$environment_root" "$EUID" "$(id -g)" "$PWD" "$repo" "$cache" "$HOME" -- "$@"
}
