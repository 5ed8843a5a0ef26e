// SPDX-License-Identifier: Apache-2.0
// The bytes of one simulated device: what reads see, and what would be left of it after a power
// loss.
//
// A write that was transferred is visible at once and *pending* until a sync covers it. At power
// loss each pending write meets its fate on its own, so any subset may survive: none, all, or some.
// The image is sparse; what was never written reads as zeros and costs nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/bytes.hpp"

namespace orrery::sim {

class Media {
 public:
  Media() = default;

  /// Drops all contents. Memory is kept for the next run.
  void clear();

  /// Makes the bytes visible, pending durability.
  void write(uint64_t offset, engine::Bytes bytes);
  /// The same in stretches, for a source that is mostly untouched: begin_write() says what the
  /// write covers, and each add lies in it. All of them are one pending write with one fate.
  void begin_write(uint64_t offset, uint64_t length);
  void add(uint64_t offset, engine::Bytes bytes);
  /// Zeros, at the price of those bytes alone that were ever written.
  void add_zeros(uint64_t offset, uint64_t length);
  /// What was written last; zeros elsewhere.
  void read(uint64_t offset, engine::MutableBytes bytes) const;
  /// What would be there if power were lost now, and every pending write with it.
  void read_durable(uint64_t offset, engine::MutableBytes bytes) const;
  /// Everything that was accepted before this moment is durable.
  void sync();
  /// One past the last byte ever written.
  uint64_t size() const { return size_; }

  /// The same after a power loss that takes every pending write.
  uint64_t durable_size() const { return pending_.empty() ? size_ : pending_.front().size_before; }

  /// The first byte from `offset` on that may have been written; size() if there is none.
  uint64_t next_written(uint64_t offset) const;

  size_t pending_count() const { return pending_.size(); }
  /// Power is lost: `survives(offset)` says of each pending write, oldest first, whether it
  /// reached the platter.
  /// What survives is durable afterwards.
  template <typename Survives>
  void lose_power(const Survives& survives);
  /// Whether no pending write touches the range: it is durable as it is now.
  bool is_durable(uint64_t offset, uint64_t length) const;

 private:
  static constexpr uint64_t kChunk = 16 * 1024;
  struct Pending {
    uint64_t offset = 0;
    uint64_t length = 0;
    uint64_t size_before = 0;  // of the device
    size_t first_stretch = 0;  // into stretches_; up to that of the next write
  };
  struct Stretch {
    uint64_t offset = 0;
    size_t at = 0;  // into journal_: first what the write replaced, then what it wrote
    size_t length = 0;
  };

  std::byte* chunk_for(uint64_t index);
  void put(uint64_t offset, engine::Bytes bytes);
  /// The bytes that a stretch replaced, or those that it wrote.
  engine::Bytes replaced(const Stretch& stretch) const {
    return {journal_.data() + stretch.at, stretch.length};
  }
  engine::Bytes written(const Stretch& stretch) const {
    return {journal_.data() + stretch.at + stretch.length, stretch.length};
  }
  size_t stretches_end(size_t write) const {
    return write + 1 < pending_.size() ? pending_[write + 1].first_stretch : stretches_.size();
  }

  std::vector<int32_t> table_;  // chunk of the device → index into chunks_, -1 = never written
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  size_t chunks_used_ = 0;
  uint64_t size_ = 0;
  std::vector<Pending> pending_;  // oldest first
  std::vector<Stretch> stretches_;
  std::vector<std::byte> journal_;
};

template <typename Survives>
void Media::lose_power(const Survives& survives) {
  // Back to what was durable, newest write first; then forward again with those that made it.
  for (size_t i = stretches_.size(); i-- > 0;) put(stretches_[i].offset, replaced(stretches_[i]));
  uint64_t size = durable_size();
  for (size_t i = 0; i < pending_.size(); ++i) {
    const Pending& write = pending_[i];
    if (!survives(write.offset)) continue;
    for (size_t k = write.first_stretch; k < stretches_end(i); ++k) {
      put(stretches_[k].offset, written(stretches_[k]));
    }
    if (write.offset + write.length > size) size = write.offset + write.length;
  }
  size_ = size;
  sync();
}

}  // namespace orrery::sim
