// SPDX-License-Identifier: Apache-2.0
// Bugs that once shipped, as switches. All are off unless somebody asks for one.
//
// A switch is one plain bool, read in one `if` at the place where the bug was. With all of them off
// the store behaves as if those lines were not there. A switch that is on counts how often its `if`
// was reached, so that a campaign can tell "never reached" from "reached, but not seen".
// To add one: a field below, a row in the table, and the `if`.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/base/counter.hpp"

namespace orrery::engine {

/// False in a build without switches (-DORRERY_NO_SWITCHES): then each `if` is gone. Such a build
/// plays every run as one with all switches off does, which tests/digests.py holds it to.
#ifdef ORRERY_NO_SWITCHES
inline constexpr bool kHasSwitches = false;
#else
inline constexpr bool kHasSwitches = true;
#endif

struct Switch {
  bool on = false;
  mutable Counter reached;

  /// True if the bug is to happen here and now. Counts only while on.
  bool operator()() const {
    if (!kHasSwitches || !on) [[likely]]
      return false;
    reached.add();
    return true;
  }
};

struct Bugs {
  Switch garnet_385;
  Switch garnet_2063_a;
  Switch garnet_2063_b;
  Switch garnet_1413;
  Switch garnet_1679b_a;
  Switch garnet_1679b_b;
  Switch garnet_1679b_c;
  Switch garnet_1991_a;
  Switch garnet_2046_a;
  Switch spec_d2;
  Switch spec_d3;
  Switch spec_d4;
  Switch spec_d9;
  Switch spec_d14;
  Switch spec_d24;
  Switch spec_h1;
  Switch canary_head;
  Switch canary_stay;
};

/// One row of the list of bugs.
struct BugRow {
  std::string_view id;        // what --bug takes
  std::string_view origin;    // where it was seen first
  std::string_view sentence;  // what goes wrong
  std::string_view oracle;    // who should notice
  Switch Bugs::* field;
};

inline constexpr auto kBugs = std::to_array<BugRow>({
    {"garnet-385", "garnet issue 385, fixed by c0ae5a930",
     "the window that is walked after a snapshot page was written is computed in a narrow integer,"
     " so a page far below safe_ro is walked in a foreign frame and beyond it",
     "walks", &Bugs::garnet_385},
    {"garnet-2063.a", "garnet PR 2063 (8c54cc278)",
     "eviction takes no notice of snapshot writes that still read the frame", "lifetimes",
     &Bugs::garnet_2063_a},
    {"garnet-2063.b", "garnet PR 2063 (8c54cc278)",
     "the snapshot writer uses the frame of a page without a look at whether it was evicted",
     "lifetimes", &Bugs::garnet_2063_b},
    {"garnet-1413", "garnet PR 1413 (ce9a6dbb3)",
     "a snapshot with nothing to write starts with a page count of zero or less and never ends",
     "progress", &Bugs::garnet_1413},
    {"garnet-1679b.a", "garnet PR 1679",
     "the task that writes the snapshot drops an error, and nobody learns that it has ended",
     "progress", &Bugs::garnet_1679b_a},
    {"garnet-1679b.b", "garnet PR 1679",
     "a page with nothing to write is skipped and not counted down", "progress",
     &Bugs::garnet_1679b_b},
    {"garnet-1679b.c", "garnet PR 1679",
     "an evicted page is counted down, but the throttle token it released is not taken back, so"
     " the next page does not wait for its write",
     "completions", &Bugs::garnet_1679b_c},
    {"garnet-1991.a", "garnet PR 1991 (d81227eb5)",
     "a write of the main log that failed counts as flushed, and its page may be evicted",
     "linearizable", &Bugs::garnet_1991_a},
    {"garnet-2046.a", "garnet PR 2046 (fcdb5fcd3)",
     "what was rented for the copy of a page is not given back once the page is written",
     "resources", &Bugs::garnet_2046_a},
    {"spec-d2", "engine-spec D-2, garnet PR 1991 (d81227eb5)",
     "a snapshot page that could not be written is counted like any other, and the checkpoint is"
     " committed without it",
     "recovery", &Bugs::spec_d2},
    {"spec-d3", "engine-spec D-3",
     "buckets of an index checkpoint that could not be written are passed over, and it is committed"
     " without them",
     "snapshot-cut", &Bugs::spec_d3},
    {"spec-d4", "engine-spec D-4",
     "metadata that could not be written is nobody's business: the checkpoint is reported as"
     " committed, and older ones are removed",
     "recovery", &Bugs::spec_d4},
    {"spec-d9", "engine-spec D-9",
     "the metadata names a flushed address that was sampled late and may lie above the final one",
     "metadata", &Bugs::spec_d9},
    {"spec-d14", "engine-spec D-14, fixed by garnet PRs 1765 and 1775",
     "a reset takes the frames away without a wait for those who are still inside the epoch",
     "check", &Bugs::spec_d14},
    {"spec-d24", "engine-spec D-24, fixed by garnet PR 2065 (e5a4f13c6)",
     "the recovery of an append log takes what a failed read left in its buffer for the page",
     "durability-ledger", &Bugs::spec_d24},
    {"spec-h1", "engine-spec H-1",
     "after a wait for memory an operation goes on in the version it had before the wait",
     "snapshot-cut", &Bugs::spec_h1},
    {"canary-head", "planted by us: no such bug is known",
     "head follows the tail and takes no notice of how far the log is flushed", "address-chain",
     &Bugs::canary_head},
    {"canary-stay", "planted by us: no such bug is known",
     "an operation that finds no room tries again at once, inside the epoch and without a look"
     " around",
     "epochs", &Bugs::canary_stay},
});

/// The row with this id, or null.
constexpr const BugRow* find_bug(std::string_view id) {
  for (const BugRow& row : kBugs) {
    if (row.id == id) return &row;
  }
  return nullptr;
}

}  // namespace orrery::engine
