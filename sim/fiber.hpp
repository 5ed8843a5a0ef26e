// SPDX-License-Identifier: Apache-2.0
// One stack and one switch. Stackful, because an interleaving point inside an atomic cannot be a
// co_await.
//
// On x86-64 the switch is seven instructions of our own, elsewhere Boost.Context's: the reasons
// and the figures are in docs/adr/0001-fibers.md. Stacks end in a guard page, are mapped once per
// process and used again for every run. All fibers of a thread share its C++ exception state,
// thread-locals and floating-point control word: code on a fiber throws nothing across a switch and
// leaves the control word alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#if defined(__x86_64__)
#define ORRERY_OWN_SWITCH 1
#else
#include <boost/context/detail/fcontext.hpp>
#endif

#include "engine/base/sanitizers.hpp"

#if ORRERY_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace orrery::sim {

struct Stack {
  std::byte* bottom = nullptr;  // lowest usable byte; the page below it is a guard
  size_t size = 0;
  unsigned known_as = 0;  // to valgrind, which must know where a stack ends
};

#ifdef ORRERY_OWN_SWITCH
struct Context {
  void* stack_pointer = nullptr;
  void* frame_pointer = nullptr;
  void* next = nullptr;  // the instruction to go on at
};
#else
using Context = boost::context::detail::fcontext_t;
#endif

/// A place where execution can continue. The world's own stack is one too.
struct Fiber {
  Context context = {};
  Stack stack;
  void* fake_stack = nullptr;       // ASan's
  void (*entry)(Fiber&) = nullptr;  // receives the fiber that switched here first
  Fiber* target = nullptr;          // where it switched to last
};

/// Says that nothing lives on the stack any more: the marks that ASan put around the variables of
/// frames that were abandoned there must not be seen by the next ones.
void forget_frames(Stack stack);

/// Says that execution has gone on at the top of the stack without a switch, and goes on nowhere
/// else: ASan holds what stands outside the stack it knows of for a mistake, and says so.
void jumped_to(Stack stack);

/// Tells valgrind, if it watches, of a stack that it would otherwise take for ordinary memory.
void tell_of(Stack& stack);
void tell_no_more_of(const Stack& stack);

/// Guarded stacks, handed out and taken back. Not thread-safe; one per world.
class StackPool {
 public:
  explicit StackPool(size_t size);
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  Stack take();
  void give_back(Stack stack);
  /// What would have been taken last is taken first.
  void turn_over();
  /// Whether the address lies in the guard page of one of the stacks.
  bool in_guard(const void* address) const;
  size_t mapped() const { return all_.size(); }

 private:
  size_t size_;
  std::vector<Stack> all_;
  std::vector<Stack> free_;
};

/// Readies `fiber` to run `entry(before)` on its stack at the first switch to it, `before` being
/// the fiber that switched. `entry` never returns, and calls arrived() first.
void prepare(Fiber& fiber, void (*entry)(Fiber& before));

/// Completes a switch on the side where execution goes on.
[[gnu::always_inline]] inline void arrived(Fiber& before, Fiber& self) {
#if ORRERY_ASAN
  const void* bottom = nullptr;
  size_t size = 0;
  __sanitizer_finish_switch_fiber(self.fake_stack, &bottom, &size);
  if (before.stack.bottom == nullptr) {  // the world's own stack, whose bounds only ASan knows
    before.stack = {static_cast<std::byte*>(const_cast<void*>(bottom)), size};
  }
#else
  (void)before;
  (void)self;
#endif
}

#ifdef ORRERY_OWN_SWITCH
/// Saves where execution stands in `from` and goes on at `to`, handing `from` over. Returns what
/// the one who switches back hands over.
///
/// Inline, because the processor predicts returns from the calls it has seen: a call that never
/// returns would make every return after it a wrong guess. The compiler saves what is in use. The
/// frame pointer cannot be named as clobbered, so it is saved here. Nothing is pushed: the words
/// below the stack pointer may be in use. Not for machines with a shadow stack.
[[gnu::always_inline]] inline Fiber* exchange(Context& from, Context& to, Fiber* self) {
  Fiber* before = self;
  Context* save = &from;
  Context* load = &to;
  asm volatile(
      "leaq 1f(%%rip), %%rax\n\t"
      "movq %%rsp, 0(%%rsi)\n\t"
      "movq %%rbp, 8(%%rsi)\n\t"
      "movq %%rax, 16(%%rsi)\n\t"
      "movq 0(%%rdx), %%rsp\n\t"
      "movq 8(%%rdx), %%rbp\n\t"
      "jmpq *16(%%rdx)\n\t"
      "1:"
      : "+D"(before), "+S"(save), "+d"(load)
      :
      : "rax", "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1",
        "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
        "xmm13", "xmm14", "xmm15", "memory", "cc");
  return before;
}
#endif

/// Runs `target` until somebody switches back to `self`. With `dying`, nobody will.
[[gnu::always_inline]] inline void switch_fiber(Fiber& self, Fiber& target, bool dying = false) {
#if ORRERY_ASAN
  __sanitizer_start_switch_fiber(dying ? nullptr : &self.fake_stack, target.stack.bottom,
                                 target.stack.size);
#else
  (void)dying;
#endif
#ifdef ORRERY_OWN_SWITCH
  arrived(*exchange(self.context, target.context, &self), self);
#else
  self.target = &target;
  const auto transfer = boost::context::detail::jump_fcontext(target.context, &self);
  Fiber& before = *static_cast<Fiber*>(transfer.data);
  before.context = transfer.fctx;
  arrived(before, self);
#endif
}

}  // namespace orrery::sim
