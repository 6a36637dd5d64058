#!/bin/sh
# Run a command against a throw-away server of the PostgreSQL that Debian installs, given by URL:
#   sh scripts/with-postgresql.sh pytest tests/fund
# The server listens on a Unix socket in a folder of its own and is gone afterwards.
set -eu
programs=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
if [ -z "$programs" ]; then
    echo "No PostgreSQL of Debian's is installed: these tests are left out." >&2
    exit 0
fi
folder=$(mktemp -d /tmp/caisse-pg.XXXXXX)
chmod 755 "$folder"
as_server() { "$@"; }
if [ "$(id -u)" = 0 ]; then
    chown postgres "$folder"
    as_server() { setpriv --reuid postgres --regid postgres --clear-groups -- "$@"; }
fi
stop() {
    as_server "$programs/pg_ctl" -D "$folder/data" -m immediate -s stop || true
    rm -rf "$folder"
}
trap stop EXIT INT TERM
cd_back=$PWD
cd /
as_server "$programs/initdb" -D "$folder/data" -U tester --auth=trust --encoding=UTF8 --locale=C >/dev/null
as_server "$programs/pg_ctl" -D "$folder/data" -w -s -l "$folder/log" \
    -o "-c listen_addresses='' -c unix_socket_directories=$folder -c max_connections=200 -c fsync=off" start
cd "$cd_back"
CAISSE_TEST_DATABASE_URL="postgresql://tester@/postgres?host=$folder" "$@"
