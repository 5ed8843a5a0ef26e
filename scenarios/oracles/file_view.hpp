// SPDX-License-Identifier: Apache-2.0
// A file as a judge reads it: so many bytes, looked at in place.
//
// In goes a device of a finished run, or bytes that a test has made; out come the bytes of a range.
// Nothing is copied that nobody asks for, so a file may have any size: what was never written costs
// nothing and reads as zeros, and whoever looks for something can pass over it. Bytes beyond the
// end are zeros as well. It never changes a file.
#pragma once

#include <cstdint>

#include "engine/base/bytes.hpp"
#include "sim/media.hpp"

namespace orrery::scenarios {

class FileView {
 public:
  enum class Moment : uint8_t { now, after_power_loss };

  FileView() = default;  // an empty file
  explicit FileView(engine::Bytes bytes) : bytes_(bytes), size_(bytes.size()) {}
  /// After a power loss: one that takes every write that no sync has covered.
  FileView(const sim::Media& media, Moment moment);

  uint64_t size() const { return size_; }
  void read(uint64_t offset, engine::MutableBytes room) const;
  /// The first byte from `offset` on that need not be zero; size() if there is none.
  uint64_t next_written(uint64_t offset) const;

 private:
  engine::Bytes bytes_;
  const sim::Media* media_ = nullptr;
  Moment moment_ = Moment::now;
  uint64_t size_ = 0;
};

}  // namespace orrery::scenarios
