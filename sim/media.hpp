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
  /// The same for zeros, at the price of those bytes alone that were ever written.
  void write_zeros(uint64_t offset, uint64_t length);
  /// The device now ends at `size` at least: a sparse write reports its length.
  void extend(uint64_t size) { size_ = size > size_ ? size : size_; }
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
    uint64_t size_before = 0;  // of the device
    size_t at = 0;             // into journal_: first what the write replaced, then what it wrote
    size_t length = 0;
  };

  std::byte* chunk_for(uint64_t index);
  void put(uint64_t offset, engine::Bytes bytes);

  std::vector<int32_t> table_;  // chunk of the device → index into chunks_, -1 = never written
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  size_t chunks_used_ = 0;
  uint64_t size_ = 0;
  std::vector<Pending> pending_;
  std::vector<std::byte> journal_;
};

template <typename Survives>
void Media::lose_power(const Survives& survives) {
  // Back to what was durable, newest write first; then forward again with those that made it.
  for (size_t i = pending_.size(); i-- > 0;) {
    put(pending_[i].offset, {journal_.data() + pending_[i].at, pending_[i].length});
  }
  uint64_t size = durable_size();
  for (size_t i = 0; i < pending_.size(); ++i) {
    if (!survives(pending_[i].offset)) continue;
    const Pending& write = pending_[i];
    put(write.offset, {journal_.data() + write.at + write.length, write.length});
    if (write.offset + write.length > size) size = write.offset + write.length;
  }
  size_ = size;
  pending_.clear();
  journal_.clear();
}

}  // namespace orrery::sim
