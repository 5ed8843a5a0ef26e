// SPDX-License-Identifier: Apache-2.0
// The addresses that divide a log, and the one way to move them: up.
//
//   closed_until <= safe_head <= head <= flushed_until <= safe_ro <= ro <= tail
//
//   begin          what is below does not exist any more
//   closed_until   the frames of the pages below are gone
//   safe_head      every task has seen that head is at least this
//   head           what is below may be gone from memory at the next look around
//   flushed_until  what is below is on the main device, or will never be
//   safe_ro        every task has seen that ro is at least this: the contents below are fixed
//   ro             what is below is not updated in place any more
//
// The tail is not here: it is a word of another shape, in hybrid_log.hpp.
#pragma once

#include <array>

#include "engine/runtime/atomic.hpp"
#include "engine/runtime/points.hpp"
#include "engine/store/address.hpp"

namespace orrery::engine {

enum class Boundary : uint8_t { begin, head, safe_head, closed, flushed, safe_ro, ro };
inline constexpr size_t kBoundaries = 7;

class Boundaries {
 public:
  /// `notes` is added to the kind of every event of this log.
  explicit Boundaries(uint16_t notes = 0) : notes_(notes) {}

  /// Reports an event of this log.
  [[gnu::always_inline]] void tell(uint16_t kind, int64_t a = 0, int64_t b = 0, int64_t c = 0,
                                   Site site = Site::current()) const {
    note(static_cast<uint16_t>(kind + notes_), a, b, c, site);
  }

  LogAddr load(Boundary which) const { return words_[static_cast<size_t>(which)].load(); }
  LogAddr peek(Boundary which) const { return words_[static_cast<size_t>(which)].peek(); }

  /// Raises the boundary to `value`. False if it was there already; `old` is what it was.
  bool raise(Boundary which, LogAddr value, LogAddr* old = nullptr);

  /// For a log that is being opened.
  void set_all(LogAddr value);
  /// For a log that is being recovered: up or down.
  void set(Boundary which, LogAddr value);

 private:
  uint16_t notes_;
  std::array<Atomic<LogAddr>, kBoundaries> words_{};
};

}  // namespace orrery::engine
