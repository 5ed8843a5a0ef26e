// SPDX-License-Identifier: Apache-2.0
// Memory from the allocator of the process. What it refuses is an error, never an exception.
#pragma once

#include "engine/runtime/memory.hpp"

namespace orrery::engine {

class SystemMemory final : public Memory {
 public:
  Result<void*> allocate(size_t size, size_t alignment, const char* label, Site site) override;
  void free(void* block, Site site) override;
};

}  // namespace orrery::engine
