// SPDX-License-Identifier: Apache-2.0
// The simulated block devices of one world, and their names.
//
// A request waits for a place in the queue, takes its nominal time or a longer one, transfers at
// its own instant from or into the live buffer, and is finished on a task of its own, or inline in
// the submitter's stack. All of that is legal freedom; what is not comes from the enabled faults.
// The request, its owner and its buffer are checked at submit, at transfer and at completion: the
// frame's generation, or the block in the heap. Everything is asked at (device, kind, offset,
// n-th).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/runtime/device.hpp"
#include "engine/runtime/null_device.hpp"
#include "sim/fault.hpp"
#include "sim/frames.hpp"
#include "sim/heap.hpp"
#include "sim/media.hpp"
#include "sim/scheduler.hpp"

namespace orrery::sim {

/// The laws of the devices of one world.
struct DiskLaws {
  int64_t nominal_ns = 4'000;     // from start of service to completion
  uint32_t queue_depth = 32;      // requests in service at once
  uint32_t inline_depth_max = 3;  // completions inside completions inside submits
  bool check_buffers = true;      // the oracle `lifetimes`, for DMA
  // Which files may decay while the power is off; null: none. A scenario names those that hold
  // nothing that the engine would not notice.
  bool (*may_decay)(std::string_view name) = nullptr;
  // Which directories may be lost meanwhile, with all files in them; null: none.
  bool (*may_vanish)(std::string_view directory) = nullptr;
};

/// What devices need of the world around them.
struct DiskParts {
  Scheduler& scheduler;
  Trace& trace;
  Labels& labels;
  Heap& heap;
  FrameTable& frames;
};

class Disk;

class SimDevice final : public engine::Device, private Happening {
 public:
  SimDevice(Disk& disk, const char* name);
  void begin(const engine::DeviceOptions& options);

  void submit(engine::Io& io, Site site) override;
  bool cancel(engine::Io& io) override;
  bool try_complete() override;
  void truncate_until(uint64_t offset) override;
  void reset() override;
  void close() override { closed_ = true; }
  uint64_t size() override { return media_.size(); }
  uint32_t sector_size() const override { return options_.sector_size; }
  bool is_null() const override { return false; }

  Media& media() { return media_; }
  const Media& media() const { return media_; }
  const char* name() const { return name_; }
  uint64_t truncated() const { return truncated_; }
  size_t in_flight() const { return in_flight_; }
  /// Whether the name is sure to be found again after a power loss.
  bool name_is_durable() const { return name_durable_; }

 private:
  friend class Disk;
  class AskerAt final : public Asker {
   public:
    AskerAt(Scheduler& scheduler, const Address& at) : scheduler_(scheduler), at_(at) {}
    uint64_t choose(Ask ask, uint64_t bound) override {
      at_.ask = ask;
      return scheduler_.choose(at_, bound);
    }

   private:
    Scheduler& scheduler_;
    Address at_;
  };
  struct Request {
    SimDevice* device = nullptr;
    engine::Io* io = nullptr;  // null: the place is free
    engine::Io asked;          // as it was at submit: the engine may have lost it since
    Address at;
    uint64_t record = 0;      // index into trace.requests
    uint64_t number = 0;      // order of submission over all devices
    uint64_t generation = 0;  // of the buffer's frame
    size_t transferred = 0;   // bytes so far
    size_t transfer_end = 0;  // bytes that will be transferred at most
    uint64_t covers = 0;      // a sync: what had been accepted when it was submitted
    bool synced = false;      // a sync: it had its effect
    IoFate fate = IoFate::normal;
    bool cancelled = false;
    bool ended = false;  // completed by the device, not yet delivered
  };

  void due(uint64_t what) override;
  Request& take_place(engine::Io& io, Site site);
  engine::Errc refuse(const engine::Io& io) const;
  IoFate ask_faults(Request& request);
  void schedule(Request& request);
  void transfer(Request& request, size_t until);
  bool buffer_is_sound(const Request& request, const char* when);
  Failure judge_buffer(const Request& request) const;
  bool request_is_alive(const Request& request) const;
  bool owner_is_alive(const Request& request) const;
  void move_bytes(Request& request, size_t from, size_t until);
  void settle(Request& request);
  void complete(Request& request);
  void finish(Request& request, engine::Errc error);
  static void deliver(void* argument);

  Disk& disk_;
  const char* name_;
  const char* labels_[3];       // "read:name", "write:name", "sync:name"
  const char* done_labels_[3];  // "done-read:name", ...
  const char* made_label_;      // "made:name"
  const char* removed_label_;   // "removed:name"
  const char* rest_label_;      // "at-rest:name"
  engine::DeviceOptions options_;
  Media media_;
  bool closed_ = false;  // by the engine, or because its name was removed
  bool name_durable_ = false;
  uint64_t truncated_ = 0;
  size_t in_flight_ = 0;
  std::vector<std::unique_ptr<Request>> requests_;
  std::vector<int64_t> service_ends_;  // of the places in the queue
};

class Disk final : public engine::Storage {
 public:
  explicit Disk(const DiskParts& parts) : parts_(parts) {}

  void begin(const DiskLaws& laws, std::span<Fault* const> faults);

  engine::Result<engine::Device*> open(std::string_view name,
                                       const engine::DeviceOptions& options) override;
  engine::Result<void> remove(std::string_view name) override;
  engine::Result<void> list(std::string_view prefix, void (*visit)(void*, std::string_view),
                            void* argument) override;
  engine::Result<void> sync_names() override;

  /// The device of that name, if there is one.
  const SimDevice* find(std::string_view name) const;
  template <typename Visit>
  void each(const Visit& visit) const {
    for (const auto& [name, device] : devices_) visit(*device);
  }
  size_t in_flight() const;

  /// Open requests are settled: each has landed wholly, by half or not; the pointers are forgotten.
  void settle_requests();
  /// Pending writes meet their fate, and so does every name that was made or removed since the
  /// last sync of names.
  void lose_power();

 private:
  friend class SimDevice;
  using Devices = std::map<std::string, std::unique_ptr<SimDevice>, std::less<>>;

  enum class NameCall : uint8_t { open, remove, sync, list };
  NameFate fate_of(NameCall call);
  void put_aside(std::unique_ptr<SimDevice> device);
  /// What becomes of one pending write.
  struct Fate {
    SimDevice* device = nullptr;
    size_t write = 0;
    Landing landing = Landing::whole;
    uint64_t turn() const { return device->media_.pending_turn(write); }
  };
  std::vector<Fate> pending_writes() const;
  void decide(std::vector<Fate>& fates);
  bool any_says(bool (Fault::*hook)(Asker&), engine::Name name);
  bool is_lost(engine::Name name);
  Landing landing(engine::Name name, bool may_tear);
  void lose_names();
  void lose_directories();
  bool is_gone(const std::string& directory);
  void decay(SimDevice& device);

  DiskParts parts_;
  DiskLaws laws_;
  std::span<Fault* const> faults_;
  Devices devices_;
  std::vector<std::unique_ptr<SimDevice>> removed_;  // since the last sync of names, in order
  std::vector<std::unique_ptr<SimDevice>> idle_;     // kept for their memory; of any name
  Sparse sparse_;
  uint64_t submitted_ = 0;
  uint64_t accepted_ = 0;  // requests, on all devices
  uint32_t inline_depth_ = 0;
};

}  // namespace orrery::sim
