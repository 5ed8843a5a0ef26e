// SPDX-License-Identifier: Apache-2.0
// The bytes source: a fuzzer's input selects deviations from the addresses of the calm run.
//
// The input is a list of selections of six bytes: what is asked, the answer, and a place, which is
// an index into what the calm run asked of that kind (for a preemption, its n-th point). Every byte
// string means a run: whatever is too large is taken modulo, half a selection at the end is
// nothing, and a selection whose address this run never asks is calm. A selection depends on no
// other one, so that changing, adding or removing one leaves the rest where they were; of two with
// the same address the first counts. The deviations that a run took are its tape, which knows
// nothing of bytes.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sim/choices.hpp"
#include "sim/survey.hpp"

namespace orrery::sim {

/// One deviation, as bytes say it.
struct Selection {
  static constexpr size_t kSize = 6;  // ask, value, place from the low byte up

  uint8_t ask = 0;     // modulo kAskCount
  uint8_t value = 0;   // modulo what there is to choose from; never the calm answer
  uint32_t place = 0;  // modulo the number of places

  friend bool operator==(const Selection&, const Selection&) = default;
};

/// Selections beyond so many are not read: a tape of more is of no use to anybody.
inline constexpr size_t kSelectionsMax = 64;

std::vector<Selection> selections_of(std::span<const uint8_t> bytes);
void append(const Selection& selection, std::vector<uint8_t>& bytes);

class FromBytes final : public Source {
 public:
  FromBytes(const Places& places, std::span<const Selection> selections);

  uint64_t next_preemption(uint64_t actor_key, uint64_t from) override;
  int pick(const Address& at, std::span<const uint64_t> candidates) override;
  uint64_t choose(const Address& at, uint64_t bound) override;

 private:
  struct Entry {
    uint64_t key = 0;
    Ask ask = Ask::preempt;
    uint64_t occurrence = 0;
    uint8_t value = 0;
  };
  using Entries = std::vector<Entry>;
  /// The first entry at or behind the address.
  Entries::const_iterator from(uint64_t key, Ask ask, uint64_t occurrence) const;
  const Entry* find(const Address& at) const;

  Entries entries_;  // by key, ask, occurrence
};

}  // namespace orrery::sim
