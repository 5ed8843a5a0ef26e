// SPDX-License-Identifier: Apache-2.0
#include "sim/fiber.hpp"

#include <sys/mman.h>

#include "engine/base/check.hpp"

#ifdef ORRERY_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace orrery::sim {
namespace {

constexpr size_t kGuard = 4096;

}  // namespace

StackPool::StackPool(size_t size) : size_(size) {
  CHECK(size % kGuard == 0, "a stack of {} bytes is not whole pages", size);
}

StackPool::~StackPool() {
  for (const Stack& stack : all_) munmap(stack.bottom - kGuard, stack.size + kGuard);
}

Stack StackPool::take() {
  if (!free_.empty()) {
    const Stack stack = free_.back();
    free_.pop_back();
#ifdef ORRERY_ASAN
    // What an abandoned fiber left poisoned must not be seen by the next one.
    ASAN_UNPOISON_MEMORY_REGION(stack.bottom, stack.size);
#endif
    return stack;
  }
  void* const block = mmap(nullptr, size_ + kGuard, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  CHECK(block != MAP_FAILED, "no memory for a stack; {} are mapped", all_.size());
  CHECK(mprotect(block, kGuard, PROT_NONE) == 0, "a stack cannot be guarded; too many mappings?");
  all_.push_back({static_cast<std::byte*>(block) + kGuard, size_});
  return all_.back();
}

void StackPool::give_back(Stack stack) { free_.push_back(stack); }

bool StackPool::in_guard(const void* address) const {
  const auto* at = static_cast<const std::byte*>(address);
  for (const Stack& stack : all_) {
    if (at < stack.bottom && at >= stack.bottom - kGuard) return true;
  }
  return false;
}

void prepare(Fiber& fiber, void (*entry)(boost::context::detail::transfer_t)) {
  CHECK(fiber.stack.bottom != nullptr, "a fiber needs a stack before it is prepared");
  fiber.fake_stack = nullptr;
  fiber.context = boost::context::detail::make_fcontext(fiber.stack.bottom + fiber.stack.size,
                                                        fiber.stack.size, entry);
}

}  // namespace orrery::sim
