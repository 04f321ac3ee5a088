#!/usr/bin/env bash
# Makes the labs' Python environment in .venv, unless it is there already for this very requirements.txt.
# Exit status: 0 it is there; 126 not available here (no Python, no network), with the reason and the fix; 1 failed.
set -euo pipefail
cd "$(dirname "$0")/.."
digest=$(sha256sum notebooks/requirements.txt)
stamp=.venv/isolab-requirements.sha256
[ "$(cat "$stamp" 2>/dev/null)" = "$digest" ] && .venv/bin/python -c '' 2>/dev/null && exit

unavailable() {
    echo "$*" >&2
    exit 126
}
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    unavailable "no Python 3.11 or later; apt-get install python3"
echo "making the labs' environment in .venv: a few minutes, once"
python3 -m venv --clear .venv >/dev/null 2>&1 || unavailable "python3 cannot make environments; apt-get install python3-venv"
log=.venv/pip.log
.venv/bin/pip install --quiet --disable-pip-version-check --requirement notebooks/requirements.txt >"$log" 2>&1 || {
    # Only what the network did is "not available"; anything else is a fault in requirements.txt.
    grep -qE 'NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError' "$log" &&
        unavailable "no way to the Python package index; try again with a network"
    tail -n 20 "$log" >&2
    exit 1
}
echo "$digest" >"$stamp"
