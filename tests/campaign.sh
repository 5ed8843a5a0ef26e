#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The clean engine over all scenarios: no seed may fail. As many as you say, 100,000 in all by
# default; CI plays 10,000, and a share of others in tests/planted_bugs_test.cpp.
#
# usage: tests/campaign.sh [RUNS [CAMPAIGN_SEED]]      RUNS, at least, divided among the scenarios
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
orrery=${ORRERY:-build/release/cli/orrery}
runs=${1:-100000}
seed=${2:-1}
[[ $runs =~ ^[1-9][0-9]*$ ]] || { echo "campaign: \"$runs\" is no number of runs" >&2; exit 2; }
[[ -x $orrery ]] || { echo "campaign: build first: ./dev build" >&2; exit 5; }
# Canaries must fail, and the genuine 40 GiB case has no seeds: they have tests of their own.
scenarios=(snapshot-full-cache snapshot-at-rest late-flush many-sessions checkpoint-under-load
  crash-loop fold-over recover-smaller copy-reads reset-with-io dispose-with-io append-log
  damaged-log operation-log short-lives)
share=$(((runs + ${#scenarios[@]} - 1) / ${#scenarios[@]}))
failed=0
for scenario in "${scenarios[@]}"; do
  "$orrery" run "$scenario" -n "$share" -s "$seed" --keep-going || failed=1
done
exit "$failed"
