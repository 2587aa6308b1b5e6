#!/bin/sh
# Build the wheels of both distributions twice, from copies of the committed sources at two places,
# and compare: the same sources give the same bytes. Works offline once the build tools are cached.
set -eu
out=${1:-dist}
uv=${VENV:-.venv}/bin/uv
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for copy in one another/place; do
    mkdir -p "$work/$copy"
    git archive HEAD | tar -x -C "$work/$copy"
    for part in . plugins/napari-opp-mri; do
        (umask "$([ "$copy" = one ] && echo 022 || echo 077)" && "$uv" build --quiet --wheel \
            --build-constraints requirements/build.txt --require-hashes \
            --out-dir "$work/wheels-$(basename "$copy")" "$work/$copy/$part")
    done
done
diff -r "$work/wheels-one" "$work/wheels-place"
mkdir -p "$out"
cp "$work"/wheels-one/*.whl "$out"
cd "$out"
sha256sum ./*.whl
