#!/bin/sh
# Folds the code lines that are longer than scripts/tidy.py allows, with clang-format and .clang-format; all other lines
# stay as they were written. Long comments and texts are named by tidy.py and are folded by hand.
#   ./scripts/format.sh            the whole repository
#   ./scripts/format.sh FILE...    these files
set -eu
cd "$(dirname -- "$(readlink -f -- "$0")")/.."
python3 scripts/tidy.py "$@" | sed -n 's/^\(.*\.[ch]pp\):\([0-9]*\): length:.*/\1 \2/p' | sort -k1,1 -k2,2n |
  awk '{ if ($1 != file && file != "") print file lines; if ($1 != file) { file = $1; lines = "" }
         lines = lines " -lines=" $2 ":" $2 } END { if (file != "") print file lines }' |
  while read -r file lines; do
    # shellcheck disable=SC2086  # the ranges are words
    clang-format -i $lines "$file"
  done
