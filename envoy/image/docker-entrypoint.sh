#!/bin/sh
# Accepts `envoy -c …` or just `-c …` as the command, like the official image.
set -e
case "$1" in
-*) set -- envoy "$@" ;;
esac
exec "$@"
