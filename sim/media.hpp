// SPDX-License-Identifier: Apache-2.0
// The bytes of one simulated device: what reads see, and what would be left of it after a power
// loss.
//
// A write that was transferred is visible at once and *pending* until a sync covers it. A sync
// covers what was *accepted* before it was asked for: writes whose request had ended by then. At
// power loss each pending write meets its fate on its own, so any subset may survive: none, all, or
// some. The image is sparse; what was never written reads as zeros and costs nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/bytes.hpp"

namespace orrery::sim {

/// How much of a pending write is there after a loss of power. Sectors are never torn.
enum class Landing : uint8_t {
  whole,
  first_half,  // of its sectors, rounded down
  last_half,
  every_other,  // from its second sector on
  lost,
};

/// What becomes of a file that nobody works on, all of which is durable.
struct Decay {
  enum class Kind : uint8_t { none, flip, cut, gone };  // gone: a directory, with all its files
  Kind kind = Kind::none;
  uint64_t at = 0;  // flip: the number of the bit; cut: bytes that are left
};

class Media {
 public:
  Media() = default;

  /// Drops all contents. Memory is kept for the next run.
  void clear();

  /// Makes the bytes visible, pending durability; accepted at once.
  void write(uint64_t offset, engine::Bytes bytes);
  /// The same in stretches, for a source that is mostly untouched: begin_write() says what the
  /// write covers, and each add lies in it. All of them are one pending write with one fate.
  /// `owner`, not 0, names the request that it belongs to until accept().
  void begin_write(uint64_t offset, uint64_t length, uint64_t owner);
  void add(uint64_t offset, engine::Bytes bytes);
  /// Zeros, at the price of those bytes alone that were ever written.
  void add_zeros(uint64_t offset, uint64_t length);
  /// The request has ended: a sync that is asked for from now on covers its writes.
  /// `turn` says when, among all devices.
  void accept(uint64_t owner, uint64_t turn = 0);
  /// Whoever waited for the requests is gone; what they wrote is the device's.
  void accept_all(uint64_t turn = 0);
  /// How often something was accepted. For sync().
  uint64_t accepted() const { return accepted_; }
  /// What was written last; zeros elsewhere.
  void read(uint64_t offset, engine::MutableBytes bytes) const;
  /// What would be there if power were lost now, and every pending write with it.
  void read_durable(uint64_t offset, engine::MutableBytes bytes) const;
  /// What had been accepted when accepted() was `covered` is durable.
  void sync(uint64_t covered);
  /// The same for all that was accepted.
  void sync() { sync(accepted_); }
  /// One past the last byte ever written.
  uint64_t size() const { return size_; }
  /// The same after a power loss that takes every pending write.
  uint64_t durable_size() const { return durable_size_; }

  /// The first byte from `offset` on that may have been written; size() if there is none.
  uint64_t next_written(uint64_t offset) const;

  size_t pending_count() const { return pending_.size(); }
  uint64_t pending_offset(size_t write) const { return pending_[write].offset; }
  /// When it was accepted, as accept() was told.
  uint64_t pending_turn(size_t write) const { return pending_[write].turn; }
  /// Power is lost: `landing_of(offset)` says of each pending write, oldest first, how much of it
  /// reached the platter. That is durable afterwards.
  template <typename LandingOf>
  void lose_power(const LandingOf& landing_of, uint64_t sector);
  /// Requires: nothing is pending.
  void decay(const Decay& decay);
  /// What was written below `end` is zeros, for good: also what is pending there. What is written
  /// there from now on is not, nor the rest of a write that is on its way.
  void forget_below(uint64_t end);
  /// Whether no pending write touches the range: it is durable as it is now.
  bool is_durable(uint64_t offset, uint64_t length) const;

 private:
  static constexpr uint64_t kChunk = 16 * 1024;
  static constexpr uint64_t kNotAccepted = UINT64_MAX;
  struct Pending {
    uint64_t offset = 0;
    uint64_t length = 0;
    uint64_t owner = 0;
    uint64_t accepted_at = kNotAccepted;  // what accepted_ became then
    size_t first_stretch = 0;             // into stretches_; up to that of the next write
    uint64_t turn = 0;                    // of the acceptance, among all devices
    uint64_t end() const { return offset + length; }
  };
  struct Stretch {
    uint64_t offset = 0;
    size_t at = 0;  // into journal_: first what the write replaced, then what it wrote
    size_t length = 0;
  };

  std::byte* chunk_for(uint64_t index);
  void put(uint64_t offset, engine::Bytes bytes);
  void put_zeros(uint64_t offset, uint64_t length);
  template <typename Take>
  void each_written(uint64_t offset, uint64_t length, const Take& take);
  /// The bytes that a stretch replaced, or those that it wrote.
  engine::Bytes replaced(const Stretch& stretch) const {
    return {journal_.data() + stretch.at, stretch.length};
  }
  engine::Bytes written(const Stretch& stretch) const {
    return {journal_.data() + stretch.at + stretch.length, stretch.length};
  }
  void forget_pending();
  void land(const Stretch& stretch, const Pending& write, Landing landing, uint64_t sector);
  void settle_under(const Stretch& durable, const std::vector<Stretch>& older);
  size_t stretches_end(size_t write) const {
    return write + 1 < pending_.size() ? pending_[write + 1].first_stretch : stretches_.size();
  }

  std::vector<int32_t> table_;  // chunk of the device → index into chunks_, -1 = never written
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  size_t chunks_used_ = 0;
  uint64_t size_ = 0;
  uint64_t durable_size_ = 0;
  uint64_t accepted_ = 0;
  std::vector<Pending> pending_;  // oldest first
  std::vector<Stretch> stretches_;
  std::vector<std::byte> journal_;
};

template <typename LandingOf>
void Media::lose_power(const LandingOf& landing_of, uint64_t sector) {
  // Back to what was durable, newest write first; then forward again with those that made it.
  for (size_t i = stretches_.size(); i-- > 0;) put(stretches_[i].offset, replaced(stretches_[i]));
  for (size_t i = 0; i < pending_.size(); ++i) {
    const Pending& write = pending_[i];
    const Landing landing = landing_of(write.offset);
    if (landing == Landing::lost) continue;
    for (size_t k = write.first_stretch; k < stretches_end(i); ++k) {
      land(stretches_[k], write, landing, sector);
    }
    durable_size_ = write.end() > durable_size_ ? write.end() : durable_size_;
  }
  size_ = durable_size_;
  forget_pending();
}

}  // namespace orrery::sim
