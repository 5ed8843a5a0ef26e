// SPDX-License-Identifier: Apache-2.0
// Labels that live as long as the world, and how often each name was used in the present run.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/choices.hpp"

namespace orrery::sim {

class Labels {
 public:
  /// The one copy of this text; the pointer stays good for the life of the world.
  const char* intern(std::string_view text);

  /// A hash of the label's characters. Remembered by pointer, which decides nothing: it is only
  /// looked up.
  uint64_t hash(const char* label) {
    Cached& slot = cache_[(reinterpret_cast<uintptr_t>(label) >> 2) % kCacheSize];
    if (slot.label != label) slot = {label, hash_of(label)};
    return slot.hash;
  }

  /// The next use of this name in the present run, and its key.
  ActorId identify(const Name& name, uint32_t incarnation, uint64_t& key) {
    const uint64_t label_hash = hash(name.label);
    const ActorId id{name, count(mix(label_hash, name.number, incarnation)), incarnation};
    key = key_of(label_hash, name.number, incarnation, id.repeat);
    return id;
  }

  /// Starts the counts of the next run.
  void begin() {
    ++run_;
    used_ = 0;
  }

 private:
  struct Cached {
    const char* label = nullptr;
    uint64_t hash = 0;
  };
  struct Counted {
    uint64_t key = 0;
    uint32_t run = 0;
    uint32_t count = 0;
  };
  uint32_t count(uint64_t key);
  void grow();

  static constexpr size_t kCacheSize = 256;
  Cached cache_[kCacheSize];
  std::vector<std::unique_ptr<std::string>> texts_;
  std::vector<Counted> counts_ = std::vector<Counted>(4096);
  size_t used_ = 0;
  uint32_t run_ = 0;
};

}  // namespace orrery::sim
