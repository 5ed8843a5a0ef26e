// SPDX-License-Identifier: Apache-2.0
// Tapes of defects that a campaign had found: mended, they play to their end.
#include <string>

#include "scenarios/run.hpp"
#include "sim/tape.hpp"
#include "tests/catch.hpp"

using namespace orrery;
using namespace orrery::scenarios;

namespace {

/// The verdict, what the finding says, or why the tape cannot be played any more.
std::string verdict_of(std::string_view text) {
  sim::Tape tape;
  Plan plan;
  if (const auto wrong = sim::parse_tape(text, tape)) return wrong->text;
  if (const std::string wrong = plan_of_tape(tape, plan); !wrong.empty()) return wrong;
  Runner runner;
  const Run& run = runner.play(plan);
  return run.finding ? run.finding->text : name_of(run.verdict);
}

}  // namespace

// The operation waits for the log of operations with a record that it has allocated. Meanwhile an
// index checkpoint begins and ends, which does not hold the record and begins above it.
TEST_CASE("a record allocated before an index checkpoint is not linked after it") {
  REQUIRE(verdict_of(R"(orrery-tape 1
scenario operation-log
size page_bits 8
size ring_bits 4
size empty_pages 0
size mutable_permille 66
size index_bits 6
size width_bits 64
size sector_bits 9
size throttle_ms 0
size barrier 0
size keep_frames 1
size null_main 0
size parked_max 4
size kept 0
size copy_reads 0
size point_ns 20
size io_points 200
size queue_depth 32
size step_budget 4000000
size script 2809538310107828872
size sessions 1
size operations 52
size keys 11
size value_max 72
size snapshots 2
size fold_permille 0
size index_permille 221
size bursts 0
size resets 0
size flushes 0
size crashes 3
size crash_steps 6282
size power_permille 500
size names_permille 8
size log_operations 1
size log_page_bits 9
size log_ring_bits 2
size log_fast_commit 0
size commit_every 19
at write:store/aof/log/0#1@2 0 latency 12
)") == "ok");
}
