#!/bin/sh
# Run all tests; without the system packages for windows and PDF, all but those marked `window`.
set -u

# two workers; what opens a window stays together on one of them
VENV=${VENV:-.venv}
"$VENV/bin/python" --version
pytest="$VENV/bin/pytest -n 2 --dist loadgroup"

if tools/window-packages.sh; then
    exec $pytest
fi

echo "Tests that open a window are left out:"
"$VENV/bin/pytest" --collect-only -q -m window | sed -n 's/.*:://p' | sed 's/^/  /'
$pytest -m "not window"
