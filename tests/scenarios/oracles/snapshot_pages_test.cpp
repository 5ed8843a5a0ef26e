// SPDX-License-Identifier: Apache-2.0
// What a snapshot still lacks of its pages, in a run that came to a standstill.
#include "scenarios/oracles/snapshot_pages.hpp"

#include "engine/store/checkpoint.hpp"
#include "engine/store/events.hpp"
#include "tests/catch.hpp"
#include "tests/scenarios/oracles/hand_made_run.hpp"

using namespace orrery::scenarios;
namespace events = orrery::engine::events;
using orrery::engine::Phase;

TEST_CASE("a standstill names the pages that a snapshot lacks, and the events that say so") {
  HandMadeRun made;
  made.event(events::kSnapshotStarted, 512, 3584, 1);  // pages 1 to 6
  made.event(events::kCheckpointPhase, static_cast<int64_t>(Phase::wait_flush), 2);
  made.event(events::kSnapshotPageSubmitted, 1);
  made.event(events::kSnapshotPageDone, 1);
  const size_t left_out = made.event(events::kSnapshotPageLeftOut, 2);
  made.event(events::kSnapshotPageLeftOut, 3);
  made.event(events::kSnapshotPageDone, 3);
  const size_t in_flight = made.event(events::kSnapshotPageSubmitted, 4);
  const Awaited awaited = what_is_awaited(made.run);
  CHECK(awaited.label ==
        "in WAIT_FLUSH, snapshot pages never looked at, snapshot pages in flight, "
        "snapshot pages left out and not counted down");
  CHECK(awaited.text ==
        "snapshot pages 5, 6: never looked at; snapshot page 4: in flight; "
        "snapshot page 2: left out and not counted down");
  CHECK(awaited.events == std::vector<size_t>{in_flight, left_out});
}

TEST_CASE("of many pages that a snapshot lacks the first few are named") {
  HandMadeRun made;
  made.event(events::kSnapshotStarted, 512, 4096, 1);  // pages 1 to 7
  made.event(events::kCheckpointPhase, static_cast<int64_t>(Phase::wait_flush), 2);
  for (int64_t page = 1; page <= 7; ++page) made.event(events::kSnapshotPageLeftOut, page);
  const Awaited awaited = what_is_awaited(made.run);
  CHECK(awaited.text == "snapshot pages 1, 2, 3, 4 and 3 more: left out and not counted down");
  CHECK(awaited.events.size() == 4);
}

TEST_CASE("where no checkpoint is under way none is awaited") {
  HandMadeRun made;
  made.event(events::kCheckpointPhase, static_cast<int64_t>(Phase::rest), 2);
  const Awaited awaited = what_is_awaited(made.run);
  CHECK(awaited.label.empty());
  CHECK(awaited.text.empty());
  CHECK(awaited.events.empty());
}
