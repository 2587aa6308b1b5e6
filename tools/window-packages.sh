#!/bin/sh
# See that the system packages that windows and PDF pages need are there, and install them where we may;
# in continuous integration also an archive and the validators that reports are tested with, whose
# tests are skipped elsewhere: nobody's machine should have a server installed by a test.
# Ends with 1, and the one command that installs them, where they are missing and we may not.
set -u

if ! command -v dpkg-query >/dev/null 2>&1; then
    # not Debian: a display of its own, or Xvfb, has to be there
    [ "$(uname)" = Darwin ] || command -v Xvfb >/dev/null 2>&1 && exit 0
    echo "No Xvfb here: install it with your system's package manager."
    exit 1
fi

lists=requirements/window.apt
[ -n "${CI:-}" ] && [ "$(id -u)" = 0 ] && lists="$lists requirements/archive.apt"

missing=
# shellcheck disable=SC2086 # a list of words
for package in $(cat $lists); do
    # Ubuntu 24.04 calls some of them ...t64
    case "$(dpkg-query -W -f '${db:Status-Status} ' "$package" "${package}t64" 2>/dev/null)" in
        *not-installed*) missing="$missing $package" ;;
        *installed*) ;;
        *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing the system packages that the tests need:$missing"
    export DEBIAN_FRONTEND=noninteractive
    quick="-o Acquire::Retries=1 -o Acquire::http::Timeout=30"
    # shellcheck disable=SC2086 # lists of words
    apt-get $quick update -qq && apt-get $quick install -y -qq --no-install-recommends $missing \
        >/dev/null && exit 0
fi
echo "System packages that windows and PDF pages need are missing. This installs them:"
echo "  sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends$missing'"
exit 1
