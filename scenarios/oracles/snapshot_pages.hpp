// SPDX-License-Identifier: Apache-2.0
// What became of each page of the snapshot that is being written, from the engine's own events.
#pragma once

#include <vector>

#include "scenarios/run.hpp"

namespace orrery::scenarios {

class SnapshotPages {
 public:
  enum class State : uint8_t { untouched, in_flight, left_out, done };

  explicit SnapshotPages(const Run& run);

  /// Follows one event. Says what is wrong with it, or null; then `page` is the page concerned.
  const char* take(const sim::Event& event, int64_t& page);

  /// The pages of the snapshot; last() is below first() where there is none.
  int64_t first() const { return first_; }
  int64_t last() const { return first_ + static_cast<int64_t>(states_.size()) - 1; }
  /// A snapshot is under way that has no pages at all.
  bool is_empty() const { return under_way_ && states_.empty(); }
  /// How many pages are in that state.
  size_t count(State state) const { return pages_in(state).size(); }
  /// Which ones, the lowest first.
  std::vector<int64_t> pages_in(State state) const;

 private:
  void start(int64_t start, int64_t final);
  State* find(int64_t page);
  const char* visit(int64_t page, State now);
  const char* submitted(int64_t page);
  const char* done(int64_t page);
  const char* ended(bool well, int64_t& page);

  int64_t page_bits_;
  bool throttled_;
  bool under_way_ = false;
  int64_t first_ = 0;
  int64_t next_ = 0;  // the page that the writer comes to next
  std::vector<State> states_;
};

/// What the engine waits for in a run that came to a standstill, as far as its events tell: the
/// phase of the checkpoint, and what its snapshot lacks.
struct Awaited {
  std::string label;           // without numbers; empty if no checkpoint is under way
  std::string text;            // the first of the pages that it lacks; empty if it lacks none
  std::vector<size_t> events;  // where these were handed to the device or left out
};
Awaited what_is_awaited(const Run& run);

}  // namespace orrery::scenarios
