#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A short fuzz of every target, with the fuzzers of build/fuzz: parsers and the clean engine show
# nothing, and a planted bug is found from an empty corpus and becomes a tape that replays. Those
# fuzzers are fast and see no read out of bounds: what they found is played again under sanitizers.
#
# usage: [ORRERY=binary] [DESK=folder] [SANITIZED=folder of targets] fuzz_smoke.sh
#
# Runs are counted, not timed: the time limits only keep a hang from going unnoticed, but for that
# of the planted bug, which is to be found within it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
orrery=${ORRERY:-build/release/cli/orrery}
desk=${DESK:-build/fuzz/smoke}
sanitized=${SANITIZED:-build/asan/fuzz/targets}
failed=0

# expect CODE TARGET [word...]: what `orrery fuzz TARGET word...` must return.
expect() {
  local wanted=$1 target=$2 code=0
  shift 2
  rm -rf "$desk"
  "$orrery" fuzz "$target" --out "$desk" --seed 1 -q "$@" || code=$?
  [[ $code -eq $wanted ]] && return 0
  echo "fuzz_smoke: orrery fuzz $target $*: exit code $code instead of $wanted" >&2
  tail -n 20 "$desk/libfuzzer.log" >&2 || true
  failed=1
}

# again TARGET MUTATIONS [CORPUS...]: what the last fuzz found, under sanitizers. What is kept of it
# lies beside the desk, which the next fuzz clears.
again() {
  local target=$1 mutations=$2
  shift 2
  bash tests/fuzz_sanitized.sh "$sanitized/$target" "$mutations" "$desk-sanitized/$target" \
    "$desk/corpus-$target" "$@" || failed=1
}

expect 0 tape --time 100s -- -runs=300000 tests/data/corpus/tape
again tape 100000 tests/data/corpus/tape
expect 0 checkpoint --time 100s -- -runs=300000 tests/data/corpus/checkpoint
again checkpoint 100000 tests/data/corpus/checkpoint
expect 0 schedule --time 100s -- -runs=10000
# A fuzzer that has lost its mutator, or sees no state of the engine, finds bugs all the same. What
# one run covers has as many features as edges where edges are all that is counted
# (fuzz/targets/meson.build), and more where states of the engine are.
for part in 'found LLVMFuzzerCustomMutator' 'CustomCrossOver-'; do
  grep -q "$part" "$desk/libfuzzer.log" && continue
  echo "fuzz_smoke: libFuzzer did not say of schedule: $part" >&2
  failed=1
done
counted='s/.*INITED cov: ([0-9]+) ft: ([0-9]+).*/\1 \2/p'
read -r edges features _ <<<"$(sed -nE "$counted" "$desk/libfuzzer.log" | head -n 1)"
if [[ ${features:-0} -le ${edges:-0} ]]; then
  echo "fuzz_smoke: schedule is fuzzed by its code alone: ${edges:-no} edges are all" >&2
  failed=1
fi
again schedule 0
expect 1 schedule --time 60s --bug garnet-385 -- -runs=60000
code=0
"$orrery" replay "$desk"/*.orry -q >"$desk/story.txt" || code=$?
if [[ $code -ne 1 ]]; then
  echo "fuzz_smoke: the tape of the artifact does not replay: exit code $code" >&2
  failed=1
fi
exit "$failed"
