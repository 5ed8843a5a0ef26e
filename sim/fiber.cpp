// SPDX-License-Identifier: Apache-2.0
#include "sim/fiber.hpp"

#include <sys/mman.h>

#include <algorithm>

#include "engine/base/check.hpp"

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define ORRERY_VALGRIND 1
#endif

#if ORRERY_ASAN
#include <sanitizer/asan_interface.h>

// Frames of a fiber stay on its stack. On ASan's fake stacks every new fiber would cost a
// millisecond of mapping, and every one that is dropped would leak its own.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "detect_stack_use_after_return=0"; }
#endif

namespace orrery::sim {
namespace {

constexpr size_t kGuard = 4096;

}  // namespace

void forget_frames(Stack stack) {
#if ORRERY_ASAN
  ASAN_UNPOISON_MEMORY_REGION(stack.bottom, stack.size);
#else
  (void)stack;
#endif
}

void jumped_to(Stack stack) {
#if ORRERY_ASAN
  void* fake_stack = nullptr;  // stays: a frame of this very function may lie there
  __sanitizer_start_switch_fiber(&fake_stack, stack.bottom, stack.size);
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#else
  (void)stack;
#endif
}

void tell_of(Stack& stack) {
#ifdef ORRERY_VALGRIND
  stack.known_as =
      static_cast<unsigned>(VALGRIND_STACK_REGISTER(stack.bottom, stack.bottom + stack.size - 1));
#else
  (void)stack;
#endif
}

void tell_no_more_of(const Stack& stack) {
#ifdef ORRERY_VALGRIND
  VALGRIND_STACK_DEREGISTER(stack.known_as);
#else
  (void)stack;
#endif
}

StackPool::StackPool(size_t size) : size_(size) {
  CHECK(size % kGuard == 0, "a stack of {} bytes is not whole pages", size);
}

StackPool::~StackPool() {
  for (const Stack& stack : all_) {
    forget_frames(stack);  // or whoever is mapped here next inherits them
    tell_no_more_of(stack);
    munmap(stack.bottom - kGuard, stack.size + kGuard);
  }
}

Stack StackPool::take() {
  if (!free_.empty()) {
    const Stack stack = free_.back();
    free_.pop_back();
    forget_frames(stack);
    return stack;
  }
  void* const block = mmap(nullptr, size_ + kGuard, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  CHECK(block != MAP_FAILED, "no memory for a stack; {} are mapped", all_.size());
  CHECK(mprotect(block, kGuard, PROT_NONE) == 0, "a stack cannot be guarded; too many mappings?");
  all_.push_back({static_cast<std::byte*>(block) + kGuard, size_});
  tell_of(all_.back());
  return all_.back();
}

void StackPool::give_back(Stack stack) { free_.push_back(stack); }

void StackPool::turn_over() { std::reverse(free_.begin(), free_.end()); }

bool StackPool::in_guard(const void* address) const {
  const auto* at = static_cast<const std::byte*>(address);
  for (const Stack& stack : all_) {
    if (at < stack.bottom && at >= stack.bottom - kGuard) return true;
  }
  return false;
}

#ifdef ORRERY_OWN_SWITCH

void prepare(Fiber& fiber, void (*entry)(Fiber& before)) {
  CHECK(fiber.stack.bottom != nullptr, "a fiber needs a stack before it is prepared");
  fiber.fake_stack = nullptr;
  fiber.entry = entry;
  // `entry` finds what a call would leave it: its argument in a register, put there by exchange(),
  // and on the stack a return address, here nothing, which ends a backtrace.
  auto* const top = reinterpret_cast<uintptr_t*>(fiber.stack.bottom + fiber.stack.size) - 1;
  *top = 0;
  fiber.context = {top, nullptr, reinterpret_cast<void*>(entry)};
}

#else

namespace {

void enter(boost::context::detail::transfer_t transfer) {
  Fiber& before = *static_cast<Fiber*>(transfer.data);
  before.context = transfer.fctx;
  before.target->entry(before);
}

}  // namespace

void prepare(Fiber& fiber, void (*entry)(Fiber& before)) {
  CHECK(fiber.stack.bottom != nullptr, "a fiber needs a stack before it is prepared");
  fiber.fake_stack = nullptr;
  fiber.entry = entry;
  fiber.context = boost::context::detail::make_fcontext(fiber.stack.bottom + fiber.stack.size,
                                                        fiber.stack.size, &enter);
}

#endif

}  // namespace orrery::sim
