// SPDX-License-Identifier: Apache-2.0
// Memory from the allocator of the process, within a budget. What either refuses is an error, never
// an exception.
#pragma once

#include "engine/real/memory_budget.hpp"
#include "engine/runtime/memory.hpp"

namespace orrery::engine {

class SystemMemory final : public Memory {
 public:
  /// The budget outlives it.
  explicit SystemMemory(MemoryBudget& budget) : budget_(budget) {}

  Result<void*> allocate(size_t size, size_t alignment, const char* label, Site site) override;
  void free(void* block, Site site) override;

 private:
  MemoryBudget& budget_;
};

}  // namespace orrery::engine
