// SPDX-License-Identifier: Apache-2.0
// One stack and one switch. Stackful, because an interleaving point inside an atomic cannot be a
// co_await.
//
// The switch is Boost.Context's (docs/adr/0001-fibers.md). Stacks end in a guard page, are mapped
// once per process and used again for every run. All fibers of a thread share its C++ exception
// state, thread-locals and floating-point control word: code on a fiber throws nothing across a
// switch and leaves the control word alone.
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define ORRERY_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ORRERY_ASAN 1
#endif
#endif

#ifdef ORRERY_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace orrery::sim {

struct Stack {
  std::byte* bottom = nullptr;  // lowest usable byte; the page below it is a guard
  size_t size = 0;
};

/// A place where execution can continue. The world's own stack is one too.
struct Fiber {
  boost::context::detail::fcontext_t context = nullptr;
  Stack stack;
  void* fake_stack = nullptr;  // ASan's
};

/// Guarded stacks, handed out and taken back. Not thread-safe; one per world.
class StackPool {
 public:
  explicit StackPool(size_t size);
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  Stack take();
  void give_back(Stack stack);
  /// Whether the address lies in the guard page of one of the stacks.
  bool in_guard(const void* address) const;
  size_t mapped() const { return all_.size(); }

 private:
  size_t size_;
  std::vector<Stack> all_;
  std::vector<Stack> free_;
};

/// Readies `fiber` to run `entry(from)` on its stack at the first switch to it. `entry` never
/// returns.
void prepare(Fiber& fiber, void (*entry)(boost::context::detail::transfer_t));

/// To be called first in an entry function: completes the switch into a new fiber.
[[gnu::always_inline]] inline void arrived(boost::context::detail::transfer_t transfer,
                                           Fiber& self) {
  Fiber& before = *static_cast<Fiber*>(transfer.data);
  before.context = transfer.fctx;
#ifdef ORRERY_ASAN
  const void* bottom = nullptr;
  size_t size = 0;
  __sanitizer_finish_switch_fiber(self.fake_stack, &bottom, &size);
  if (before.stack.bottom == nullptr) {  // the world's own stack, whose bounds only ASan knows
    before.stack = {static_cast<std::byte*>(const_cast<void*>(bottom)), size};
  }
#else
  (void)self;
#endif
}

/// Runs `target` until somebody switches back to `self`. With `dying`, nobody will.
[[gnu::always_inline]] inline void switch_fiber(Fiber& self, Fiber& target, bool dying = false) {
#ifdef ORRERY_ASAN
  __sanitizer_start_switch_fiber(dying ? nullptr : &self.fake_stack, target.stack.bottom,
                                 target.stack.size);
#else
  (void)dying;
#endif
  arrived(boost::context::detail::jump_fcontext(target.context, &self), self);
}

}  // namespace orrery::sim
