#!/bin/sh
# Lets the command be `envoy -c …` or just `-c …`, as with the official image.
set -e
case "$1" in
-*) set -- envoy "$@" ;;
esac
exec "$@"
