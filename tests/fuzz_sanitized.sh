#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a fuzz has found by coverage is played once more, by a target of a build with sanitizers,
# where a read out of bounds is fatal: each input, and so many mutations of them.
#
# usage: fuzz_sanitized.sh TARGET MUTATIONS KEPT CORPUS...
#
# TARGET is the binary, a libFuzzer of its own; what it finds worth keeping goes into the first
# CORPUS. An input that it does not survive stays in the folder KEPT (later in KEPT.before), and is
# named with the command that plays it again. Inputs are counted, not timed: the time limits only
# end a hang.
set -euo pipefail
target=$1 mutations=$2 kept=$3
shift 3

stop() { echo "fuzz_sanitized: $target: $*" >&2; exit 1; }

[[ -x $target ]] || stop 'there is no such program; ./dev test builds it'
# What the run before could not survive is there until the next such one.
if compgen -G "$kept/*-*" >/dev/null; then
  rm -rf "$kept.before"
  mv "$kept" "$kept.before"
fi
rm -rf "$kept"
mkdir -p "$kept"
inputs=0
for corpus; do
  # An empty input is played without being asked.
  count=$(find "$corpus" -type f -size +0 | wc -l) || stop "nothing to play in $corpus"
  [[ $count -gt 0 ]] || stop "nothing to play in $corpus"
  inputs=$((inputs + count))
done

runs=$((mutations > 0 ? inputs + mutations : 0)) # libFuzzer counts both; with 0 it only plays
log=$kept/libfuzzer.log
code=0
timeout -k 10 300 "$target" -runs="$runs" -seed=1 -timeout=60 -error_exitcode=1 \
  -print_final_stats=1 -artifact_prefix="$kept/" "$@" >"$log" 2>&1 || code=$?

if [[ $code -ne 0 ]]; then
  why=$(grep -aEm 1 'SUMMARY: |CHECK\(|: FOUND ' "$log" | cut -c 1-300) || true
  for input in "$kept"/*-*; do
    [[ -f $input ]] || stop "ended with $code and kept no input (see $log): $why"
    stop "does not survive $input; again: $target $input    ($why)"
  done
fi
played=$(sed -nE 's/^stat::number_of_executed_units: +([0-9]+)$/\1/p' "$log")
[[ ${played:-0} -ge $((inputs + mutations)) ]] ||
  stop "played ${played:-none} of $((inputs + mutations)) inputs (see $log)"
