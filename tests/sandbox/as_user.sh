#!/bin/sh
# Runs a test program as an ordinary user, from a copy that such a user can read wherever the build lies; exit status 77
# (skipped) if we are one already.
set -eu
[ "$(id -u)" = 0 ] || exit 77
program=$1
shift
folder=$(mktemp -d /tmp/pawl-as-user-XXXXXX)
trap 'rm -rf "$folder"' EXIT
for file in "$program" "$(dirname "$program")"/pawl-sandbox-probe "$(dirname "$program")"/pawl-sandbox-helper; do
  cp "$file" "$folder"
done
chmod 755 "$folder" "$folder"/*
cd /tmp
setpriv --reuid 1234 --regid 1234 --clear-groups -- "$folder/$(basename "$program")" "$@"
