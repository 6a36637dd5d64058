#!/bin/sh
# What the tests and measurements use beside Python, from Debian, when we may install it.
# Without these packages the tests that need them say so and are skipped.
set -eu
missing=""
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
PATH="$PATH:/usr/sbin:/sbin"
need sftp openssh-client
need sshd openssh-server
need xmllint libxml2-utils
need ip iproute2
need qpdf qpdf
need pdfinfo poppler-utils
need clamd clamav-daemon
need chromium chromium
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Not installed, so the tests that need them are skipped:$missing" >&2
    exit 0
fi
echo "Installing from Debian:$missing"
export DEBIAN_FRONTEND=noninteractive
# The packages bring services that we do not want running here.
policy=/usr/sbin/policy-rc.d
[ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' > "$policy"; chmod 755 "$policy"; trap 'rm -f "$policy"' EXIT; }
apt-get update -qq >/dev/null
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
