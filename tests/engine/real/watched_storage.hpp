// SPDX-License-Identifier: Apache-2.0
// A storage that says what is asked of it, and leaves it to another.
//
// It comes between an engine and its storage: the engine sees only the boundary, and cannot tell.
#pragma once

#include <deque>
#include <functional>

#include "engine/runtime/device.hpp"

namespace orrery::tests {

class WatchedStorage final : public engine::Storage {
 public:
  /// Called before everything that is asked, and once more when a request was submitted: it is on
  /// its way then, and perhaps done. On the thread that asks.
  using Visit = std::function<void()>;

  WatchedStorage(engine::Storage& storage, Visit visit)
      : storage_(storage), visit_(std::move(visit)) {}

  /// Requires: nobody else opens a device meanwhile.
  engine::Result<engine::Device*> open(std::string_view name,
                                       const engine::DeviceOptions& options) override;
  engine::Result<void> remove(std::string_view name) override;
  engine::Result<void> list(std::string_view prefix, void (*visit)(void*, std::string_view),
                            void* argument) override;
  engine::Result<void> sync_names() override;

 private:
  class Watched;

  engine::Storage& storage_;
  Visit visit_;
  std::deque<Watched> devices_;  // also those that were closed
};

class WatchedStorage::Watched final : public engine::Device {
 public:
  Watched(engine::Device& device, const Visit& visit) : device_(device), visit_(visit) {}
  void submit(engine::Io& io, engine::Site site) override;
  bool cancel(engine::Io& io) override { return device_.cancel(io); }
  bool try_complete() override { return device_.try_complete(); }
  void truncate_until(uint64_t offset) override;
  void reset() override;
  void close() override { device_.close(); }
  uint64_t size() override { return device_.size(); }
  uint32_t sector_size() const override { return device_.sector_size(); }
  bool is_null() const override { return device_.is_null(); }

 private:
  engine::Device& device_;
  const Visit& visit_;
};

}  // namespace orrery::tests
