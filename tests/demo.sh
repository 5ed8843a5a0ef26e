#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `./dev demo` shows: Garnet issue 385 hunted from seeds, shrunk, told, replayed, and gone when
# the bug is switched off; then the genuine case with its 40 GiB of cache.
#
# usage: demo.sh [SEED]     the campaign seed (default: 385)
# Exits with 1 if any step is not as promised.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
orrery=${ORRERY:-build/release/cli/orrery}
seed=${1:-385}
seeds_max=2000
scenario=snapshot-full-cache
bug=garnet-385
out=build/demo # git-ignored; stays, so that the printed commands work
rm -rf $out
mkdir -p $out
begun=$SECONDS

heading() { printf '\n==== %s\n\n' "$*"; }
say() { printf '%s\n' "$*"; }
# show COMMAND...: prints the command and runs it; what it promises is checked by the caller.
show() {
  printf '$ %s\n' "$*"
  "$@"
}
broken() {
  printf 'demo: %s\n' "$*" >&2
  exit 1
}
# expect CODE COMMAND...: the command must end with this exit code.
expect() {
  local wanted=$1 code=0
  shift
  show "$@" || code=$?
  [[ $code -eq $wanted ]] || broken "exit code $code instead of $wanted from: $*"
}
# field NAME: its value in the line of JSON on stdin.
field() { sed -nE "s/.*\"$1\":\"?([^\",}]*)\"?[,}].*/\1/p"; }

[[ -x $orrery ]] || broken "$orrery is missing; run ./dev build"
"$orrery" --version

heading "1. Hunt: the bug is on, the sizes are safe at rest; only decisions can make it fail"
expect 1 "$orrery" run $scenario -n $seeds_max -s "$seed" --bug $bug --out $out -q |
  tee "$out/hunt"
first=$(sed -nE 's/.*first failing seed (0x[0-9a-f]{16}).*/\1/p' "$out/hunt" | head -1)
index=$(sed -nE 's/.*\(run ([0-9,]+) of the campaign.*/\1/p' "$out/hunt" | head -1 | tr -d ,)
[[ -n $first ]] || broken 'no failing seed was printed'
tape=$out/$scenario-$first.orry
[[ -s $tape ]] || broken "no tape was saved for seed $first"

heading "2. Shrink: only the decisions that the failure needs, and the story of what is left"
expect 0 "$orrery" shrink "$tape" -o "$out/small.orry"
deviations=$(grep -c '^at ' "$out/small.orry" || true)
say "The whole failure in $deviations decisions:"
cat "$out/small.orry"

heading "3. Replay: twice, each time in a fresh process"
show "$orrery" replay "$out/small.orry" --json -q >"$out/first" || true
show "$orrery" replay "$out/small.orry" --json -q >"$out/second" || true
say "digests: $(field digest <"$out/first") $(field digest <"$out/second")"
[[ $(field verdict <"$out/first") == failed ]] || broken 'the replay does not fail'
[[ $(field digest <"$out/first") == "$(field digest <"$out/second")" ]] ||
  broken 'two replays of one tape differ'

heading "4. The same seeds with the bug off: all clean"
expect 0 "$orrery" run $scenario -n "$((index + 1))" -s "$seed" --out $out -q
expect 0 "$orrery" replay $scenario "$first" --json -q
expect 0 "$orrery" replay "$out/small.orry" --no-bugs --json -q

heading "5. The genuine case: 40 GiB of cache, 1280 resident pages of 32 MiB, a 32-bit width"
say 'All oracles: the walk after the first page is in a foreign page. Nothing has crashed yet.'
expect 1 "$orrery" replay garnet-385-40g 1 --bug $bug -q | tee "$out/silent"
grep -q '^garnet-385-40g  failed  walks:' "$out/silent" || broken 'not seen by the oracle walks'
grep -q 'snapshot\.dat/0 at step' "$out/silent" || broken 'not seen at completion 0'
say
say 'Only what the hardware sees: the walk after the second page leaves its frame.'
expect 1 "$orrery" replay garnet-385-40g 1 --bug $bug --oracles memory -q | tee "$out/loud"
grep -q '^garnet-385-40g  failed  memory: access violation (SIGSEGV)' "$out/loud" ||
  broken 'no access violation'
grep -q 'snapshot\.dat/33554432 at step' "$out/loud" || broken 'not at completion 1'
say
say 'With the fix:'
expect 0 "$orrery" replay garnet-385-40g 1 --json -q

heading "All as promised, in $((SECONDS - begun)) s"
