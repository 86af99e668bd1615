#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# enter.sh ROOT UID GID CWD FOLDER... -- COMMAND...
#
# Runs in a fresh mount namespace (and, for a plain user, a user namespace where we are root): puts the
# host's folders into ROOT at the same paths, makes it our root, and exec's COMMAND in CWD as UID.
# pivot_root and not chroot, because a process in a chroot may not make user namespaces, which what we
# run here may want to do. FOLDERs are bound even if they lie in a folder that is Debian's own.
set -euo pipefail

root=$1 uid=$2 gid=$3 cwd=$4
shift 3
folders=()
while [[ $1 != -- ]]; do
  folders+=("$1")
  shift
done
shift

is_debians() {
  case $1 in
    bin | boot | dev | etc | lib | lib32 | lib64 | libx32 | lost+found | proc | run | sbin | sys | usr | var) return 0 ;;
  esac
  return 1
}

bind() {
  mkdir -p "$root$1"
  mount --rbind "$1" "$root$1"
}

mount --bind "$root" "$root"

for path in /*; do
  name=${path#/}
  if is_debians "$name"; then
    continue
  elif [[ -L $path ]]; then
    ln --symbolic --force --no-dereference "$(readlink "$path")" "$root$path"
  elif [[ -d $path ]]; then
    bind "$path" || echo "dev: the host's $path is not there in what follows" >&2
  fi
done
for folder in "${folders[@]}"; do
  top=${folder#/}
  if is_debians "${top%%/*}"; then
    bind "$folder"
  fi
done
for folder in /proc /sys /dev; do
  bind "$folder"
done

files=(/etc/hosts /etc/resolv.conf)
# only a user needs its name to be known inside; root inside must not edit the host's users
((uid == 0)) || files+=(/etc/passwd /etc/group)
for file in "${files[@]}"; do
  if [[ -e $file ]]; then
    [[ -e $root$file ]] || touch "$root$file"
    mount --bind "$(realpath "$file")" "$root$file"
  fi
done

mkdir -p "$root/.host"
cd "$root"
pivot_root . .host
cd /
umount --lazy /.host

# the root has this one locale
export LANG=C.UTF-8
unset LC_ALL LANGUAGE
as_user=()
((uid == 0)) || as_user=(unshare --user --map-user="$uid" --map-group="$gid")
exec "${as_user[@]}" env --chdir="$cwd" "$@"
