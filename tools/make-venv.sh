#!/bin/sh
# Make .venv with the first Python of those named that will do.
set -eu

test -x .venv/bin/python && exit 0

for python in "$@"; do
    if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "Making .venv with $("$python" --version) ($(command -v "$python"))"
        "$python" -m venv .venv || { rm -rf .venv; exit 1; }
        exit 0
    fi
done

echo "No Python 3.11 or newer with its venv module was found (looked for: $*)." >&2
echo "Install one (on Debian and Ubuntu: apt-get install python3 python3-venv)," >&2
echo "or name one: make PYTHON=/path/to/python3 setup" >&2
exit 1
