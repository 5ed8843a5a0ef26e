// SPDX-License-Identifier: Apache-2.0
// The device that stores nothing, for a log that is a cache: the same in both worlds. Completes
// inline.
#pragma once

#include <algorithm>

#include "engine/runtime/device.hpp"

namespace orrery::engine {

class NullDevice final : public Device {
 public:
  explicit NullDevice(uint32_t sector_size = 512) : sector_size_(sector_size) {}

  void submit(Io& io, Site) override {
    if (io.kind == IoKind::write) size_ = std::max(size_, io.offset + io.length);
    io.error = Errc::ok;
    io.transferred = io.length;
    io.done(io);
  }
  bool cancel(Io&) override { return false; }
  bool try_complete() override { return false; }
  void truncate_until(uint64_t) override {}
  void reset() override { size_ = 0; }
  void close() override {}
  uint64_t size() override { return size_; }
  uint32_t sector_size() const override { return sector_size_; }
  bool is_null() const override { return true; }

 private:
  uint32_t sector_size_;
  uint64_t size_ = 0;
};

}  // namespace orrery::engine
