#!/bin/sh
# Run all tests; without the system packages for windows and PDF, all but those marked `window`.
set -u

# the many processes that the tests start read compiled modules instead of compiling each again
unset PYTHONDONTWRITEBYTECODE
# a worker a core: threads of the numerical libraries would only wait for each other
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1

# two workers; a file stays on one of them, so that what its tests share is made once. The examples
# of property tests are the same in each run: what passed here passes in continuous integration
VENV=${VENV:-.venv}
"$VENV/bin/python" --version
pytest="$VENV/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder --hypothesis-profile=repeatable"

if tools/window-packages.sh; then
    exec $pytest
fi

echo "Tests that open a window are left out:"
"$VENV/bin/pytest" --collect-only -q -m window | sed -n 's/.*:://p' | sed 's/^/  /'
$pytest -m "not window"
