// SPDX-License-Identifier: Apache-2.0
// Memory runs out: an allocation, a page frame or a new task is refused.
//
// On a real machine this is malloc under a limit of its container, mmap past a count of mappings,
// or a thread that a limit of processes forbids. It comes in the worst place, which is a completion
// or an eviction: they exist to make room, and want some first. Only the explicit calls of
// engine::Memory, engine::Frames and engine::Tasks::spawn can be refused; the compiler's own
// allocations are no events, so every build is refused at the same places.
//
// Asked per call, at the actor that calls and its point. Answers of Ask::allocate: 0 granted, 1
// refused with Errc::no_memory and no effect. The next call is asked anew. How often is the
// temper's. Voids availability and nothing else: a refusal may cost progress, never data.
#include "sim/fault.hpp"

namespace orrery::faults {
namespace {

class AllocFailure final : public sim::Fault {
 public:
  const char* name() const override { return "alloc-failure"; }
  const char* sentence() const override {
    return "Memory, Frames or the start of a task is refused";
  }
  uint32_t voids() const override { return static_cast<uint32_t>(sim::Promise::availability); }

  bool on_allocate(sim::Asker& asker) override { return asker.choose(sim::Ask::allocate, 2) != 0; }
};

constinit AllocFailure alloc_failure_itself;

}  // namespace

sim::Fault* alloc_failure() { return &alloc_failure_itself; }

}  // namespace orrery::faults
