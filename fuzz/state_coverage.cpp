// SPDX-License-Identifier: Apache-2.0
#include "fuzz/state_coverage.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <string_view>

#include "engine/base/check.hpp"
#include "engine/store/boundaries.hpp"
#include "engine/store/events.hpp"

namespace orrery::fuzz {
namespace {

namespace events = engine::events;
using engine::Boundary;
using sim::Event;
using sim::Kind;

constexpr size_t kClasses = 16;  // of requests: device and kind

// In the order in which they must stand, lowest first.
constexpr std::array<Boundary, 6> kChain{Boundary::closed,  Boundary::safe_head, Boundary::head,
                                         Boundary::flushed, Boundary::safe_ro,   Boundary::ro};

/// What the events so far have made of the world.
class Walk {
 public:
  Walk(const scenarios::Run& run, std::span<uint8_t> counters)
      : trace_(*run.trace), counters_(counters) {
    page_bits_ = static_cast<uint32_t>(run.plan->sizes.find("page_bits").value_or(9));
  }

  void see(const Event& event);

 private:
  void follow(const Event& event);
  void forget();
  void completed(const Event& event);
  void mark(uint64_t state) { counters_[sim::scramble(state) & (counters_.size() - 1)] = 1; }
  uint64_t boundary_order() const;
  uint64_t in_flight() const;
  size_t class_of(int64_t request) const;

  const sim::Trace& trace_;
  std::span<uint8_t> counters_;
  uint32_t page_bits_ = 9;
  std::array<int64_t, engine::kBoundaries> boundaries_{};
  int64_t phase_ = 0;
  int64_t parked_ = 0;
  std::array<int64_t, kClasses> open_{};
  std::vector<int64_t> waiting_;  // indices of open requests, in order of submission
};

// How many, to within a factor of two: a state that told 17 from 18 would always be new.
uint64_t magnitude(int64_t count) {
  return count <= 0 ? 0 : std::bit_width(static_cast<uint64_t>(count));
}

}  // namespace

void cover(const scenarios::Run& run, std::span<uint8_t> counters) {
  CHECK(std::has_single_bit(counters.size()), "{} counters are no power of two", counters.size());
  Walk walk(run, counters);
  for (const Event& event : run.trace->events) walk.see(event);
}

namespace {

void Walk::see(const Event& event) {
  if (event.kind == events::kWalkStep) return;  // one a record: the walk's begin and end will do
  follow(event);
  const auto kind = static_cast<uint64_t>(event.kind);
  const auto phase = static_cast<uint64_t>(phase_);
  const auto frames = static_cast<uint64_t>(std::min<int64_t>(parked_, 3));
  if (event.kind < static_cast<uint16_t>(Kind::task_spawned)) {  // the engine's own
    mark(sim::mix(kind, phase, boundary_order(), frames));
  } else {
    mark(sim::mix(kind, phase, in_flight(), frames));
  }
  if (event.kind == static_cast<uint16_t>(Kind::io_completed)) completed(event);
}

void Walk::follow(const Event& event) {
  switch (event.kind) {
    case events::kBoundary:
      if (static_cast<uint64_t>(event.a) < boundaries_.size()) {
        boundaries_[static_cast<size_t>(event.a)] = event.b;
      }
      break;
    case events::kCheckpointPhase: phase_ = event.a; break;
    case events::kPageParked: ++parked_; break;
    case events::kPageUnparked: --parked_; break;
    case static_cast<uint16_t>(Kind::io_submitted):
      ++open_[class_of(event.a)];
      waiting_.push_back(event.a);
      break;
    case static_cast<uint16_t>(Kind::crashed): forget(); break;
    default: break;
  }
}

void Walk::forget() {
  boundaries_ = {};
  phase_ = parked_ = 0;
  open_ = {};
  waiting_.clear();
}

// The order of callbacks: what the request was, how many older ones it came before, whether its
// frame is still there, and how far the log has gone beyond its page.
void Walk::completed(const Event& event) {
  const auto found = std::find(waiting_.begin(), waiting_.end(), event.a);
  if (found == waiting_.end()) return;
  const size_t which = class_of(event.a);
  const int64_t overtaken = found - waiting_.begin();
  const int64_t overtook_it = waiting_.end() - found - 1;
  --open_[which];
  waiting_.erase(found);
  const sim::IoRecord& request = trace_.requests[static_cast<size_t>(event.a)];
  uint64_t gone_on = 0;
  bool retired = false;
  if (request.generation != 0) {
    const sim::Lifetime& lifetime = trace_.lifetimes[request.generation - 1];
    retired = lifetime.retired_step <= event.step;
    const int64_t safe_ro = boundaries_[static_cast<size_t>(Boundary::safe_ro)] >> page_bits_;
    gone_on = magnitude(safe_ro - lifetime.page);
  }
  const auto failed = static_cast<uint64_t>(event.b != 0);
  mark(sim::mix(which << 1 | failed, static_cast<uint64_t>(phase_), magnitude(overtaken), gone_on,
                retired ? 1 : 0, 0xCA11));
  mark(sim::mix(which, magnitude(overtaken), magnitude(overtook_it), 0x0DE2));
}

// Which neighbours in the chain of boundaries stand at the same place, and which a page or more
// apart.
uint64_t Walk::boundary_order() const {
  uint64_t order = 0;
  for (size_t i = 0; i + 1 < kChain.size(); ++i) {
    const int64_t low = boundaries_[static_cast<size_t>(kChain[i])];
    const int64_t high = boundaries_[static_cast<size_t>(kChain[i + 1])];
    const bool same = low == high;
    const bool far = (low >> page_bits_) != (high >> page_bits_);
    order = order * 4 + (high < low ? 3 : same ? 0 : far ? 2 : 1);
  }
  return order;
}

// Which kinds there are. How many of each hardly matters, and would always be new.
uint64_t Walk::in_flight() const {
  uint64_t all = 0;
  for (const int64_t count : open_) all = all * 2 + (count > 0 ? 1 : 0);
  return all;
}

// By the last part of the device's name: two snapshots are of one kind.
size_t Walk::class_of(int64_t request) const {
  const sim::IoRecord& record = trace_.requests[static_cast<size_t>(request)];
  const std::string_view name = record.device;
  const uint64_t hash = sim::hash_of(name.substr(name.rfind('/') + 1));
  return sim::mix(hash, record.kind) % kClasses;
}

}  // namespace
}  // namespace orrery::fuzz
