// SPDX-License-Identifier: Apache-2.0
// The tokens for which a storage has a file of some name.
#pragma once

#include "engine/runtime/memory.hpp"
#include "engine/runtime/runtime.hpp"
#include "engine/store/names.hpp"
#include "engine/store/options.hpp"

namespace orrery::engine {

/// Makes a name of a store's prefix and a token.
using NameOfToken = DeviceName (*)(std::string_view prefix, uint64_t token);

/// The tokens for which the name exists, ascending. Requires: nobody makes or removes checkpoints
/// meanwhile. Errors: no_memory, and those of the storage.
class Tokens {
 public:
  size_t size() const { return count_; }
  uint64_t operator[](size_t place) const { return all_[place]; }

 private:
  friend Result<Tokens> list_tokens(const Runtime& runtime, const StoreOptions& store,
                                    NameOfToken name);
  static void visit(void* tokens, std::string_view name);

  std::string_view prefix_;
  NameOfToken name_ = nullptr;
  Array<uint64_t> all_;
  size_t count_ = 0;  // while counting, it may exceed the room
};

Result<Tokens> list_tokens(const Runtime& runtime, const StoreOptions& store, NameOfToken name);

}  // namespace orrery::engine
