#!/bin/sh
# help-coord, with the database's password from a file: libpq reads it from the environment, and
# neither the command line nor the compose file shows it.
set -eu
if [ -n "${PGPASSWORD_FILE:-}" ]; then
    PGPASSWORD=$(cat "$PGPASSWORD_FILE")
    export PGPASSWORD
fi
exec help-coord "$@"
