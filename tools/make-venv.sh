#!/bin/sh
# Make the environment $VENV with the first Python of those named that will do.
set -eu

if test -x "$VENV/bin/python"; then
    # of one Python that was named, an environment of another version would be a wrong answer
    if [ $# = 1 ]; then
        version='import sys; print("%d.%d" % sys.version_info[:2])'
        wanted=$("$1" -c "$version")
        present=$("$VENV/bin/python" -c "$version")
        [ "$wanted" = "$present" ] || {
            echo "$VENV has Python $present, and $1 is $wanted. Remove $VENV first." >&2
            exit 1
        }
    fi
    exit 0
fi

for python in "$@"; do
    if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "Making $VENV with $("$python" --version) ($(command -v "$python"))"
        "$python" -m venv "$VENV" || { rm -rf "$VENV"; exit 1; }
        exit 0
    fi
done

echo "No Python 3.11 or newer with its venv module was found (tried: $*)." >&2
echo "Install one (on Debian and Ubuntu: apt-get install python3 python3-venv)," >&2
echo "or name one: make PYTHON=/path/to/python3 setup" >&2
exit 1
