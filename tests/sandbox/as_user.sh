#!/bin/sh
# Runs a test program as an ordinary user; exit status 77 (skipped) if we are one already.
set -eu
[ "$(id -u)" = 0 ] || exit 77
cd /tmp
exec setpriv --reuid 1234 --regid 1234 --clear-groups -- "$@"
