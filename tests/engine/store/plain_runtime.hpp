// SPDX-License-Identifier: Apache-2.0
// The smallest runtime that a store can be tested in: one thread, no choices, no surprises.
//
// A task runs to its end where it is spawned. Devices live in memory and finish a request inside
// submit, or keep it until somebody waits or the test asks. A wait that nothing can end throws.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/runtime/runtime.hpp"

namespace orrery::engine::testing {

class PlainDevice final : public Device {
 public:
  PlainDevice(std::deque<Io*>& queue, const bool& queued) : queue_(queue), queued_(queued) {}

  void submit(Io& io, Site) override {
    if (queued_) {
      queue_.push_back(&io);
      io.ticket = reinterpret_cast<uint64_t>(this);
    } else {
      perform(io);
    }
  }

  /// Has the effect of the request and finishes it.
  void perform(Io& io) {
    io.error = Errc::ok;
    io.transferred = io.length;
    if (io.offset % sector != 0 || io.length % sector != 0) throw std::logic_error("alignment");
    if (io.kind == IoKind::write) {
      ++writes;
      if (failing_writes > 0) {
        --failing_writes;
        io.error = Errc::io;
        io.transferred = 0;
      } else {
        if (bytes.size() < io.offset + io.length) bytes.resize(io.offset + io.length);
        if (lost_writes > 0) {
          --lost_writes;  // and says that all is well
        } else {
          std::memcpy(bytes.data() + io.offset, io.buffer, io.length);
        }
        if (short_writes > 0) {
          --short_writes;
          io.transferred -= sector;
        }
      }
    } else if (io.kind == IoKind::read) {
      ++reads;
      // What was never written reads as zeros.
      std::memset(io.buffer, 0, io.length);
      const uint64_t end = std::min<uint64_t>(bytes.size(), io.offset + io.length);
      if (end > io.offset) std::memcpy(io.buffer, bytes.data() + io.offset, end - io.offset);
      if (failing_reads > 0) {
        --failing_reads;
        io.error = Errc::io;
      }
      if (failing_every > 0 && reads % failing_every == 1) io.error = Errc::io;
      if (short_reads > 0) {
        --short_reads;
        io.transferred = sector > 16 ? 0 : 8;
      }
    } else {
      ++syncs;
      if (failing_syncs > 0) {
        --failing_syncs;
        io.error = Errc::io;
      }
    }
    io.done(io);
  }

  bool cancel(Io&) override { return false; }
  bool try_complete() override { return false; }
  void truncate_until(uint64_t offset) override { truncated = std::max(truncated, offset); }
  void reset() override {
    bytes.clear();
    truncated = 0;
  }
  void close() override { ++closes; }
  uint64_t size() override { return bytes.size(); }
  uint32_t sector_size() const override { return sector; }
  bool is_null() const override { return false; }

  std::vector<std::byte> bytes;
  uint32_t sector = 512;
  uint64_t truncated = 0;
  int writes = 0, reads = 0, syncs = 0, closes = 0;
  int failing_writes = 0, short_writes = 0, failing_reads = 0, short_reads = 0, failing_syncs = 0;
  int lost_writes = 0;
  int failing_every = 0;  // the first of so many reads

 private:
  std::deque<Io*>& queue_;
  const bool& queued_;
};

class PlainRuntime final : public Clock,
                           public Tasks,
                           public Storage,
                           public Frames,
                           public Memory {
 public:
  Runtime runtime() { return {*this, *this, *this, *this, *this}; }

  // Clock
  Instant now() override { return now_; }

  // Tasks
  Self& self() override { return *self_; }
  Result<TaskId> spawn(Name, void (*run)(void*), void* argument) override {
    if (failing_spawns > 0) {
      --failing_spawns;
      return Error{Errc::no_memory, "no task"};
    }
    Self own;
    own.id = ++last_task_;
    as_task(own, [&] { run(argument); });
    return TaskId{own.id};
  }
  void join(TaskId, Site) override {}
  void yield(Site) override { do_meanwhile() || complete_one(); }
  bool wait(Atomic<uint32_t>& word, uint32_t seen, Instant deadline, Site) override {
    if (word.load() != seen || do_meanwhile() || complete_one()) return true;
    if (deadline == kNever) throw std::logic_error("a wait that nothing can end");
    now_ = std::max(now_, deadline);
    return false;
  }
  void wake(Atomic<uint32_t>&, uint32_t, Site) override {}

  // Storage
  Result<Device*> open(std::string_view name, const DeviceOptions& options) override {
    if (failing_opens > 0) {
      --failing_opens;
      return Error{Errc::io, "no device"};
    }
    if (options.must_exist && !has(std::string(name))) {
      return Error{Errc::not_found, "no such device"};
    }
    auto& device = devices[std::string(name)];
    if (!device) device = std::make_unique<PlainDevice>(queue_, queued);
    device->sector = options.sector_size;  // as whoever opens it takes it to be
    return device.get();
  }
  Result<void> remove(std::string_view name) override {
    if (failing_removes > 0) {
      --failing_removes;
      return Error{Errc::io, "not removed"};
    }
    const auto found = devices.find(std::string(name));
    if (found == devices.end()) return Error{Errc::not_found, "no such name"};
    removed.push_back(std::move(found->second));
    devices.erase(found);
    return {};
  }
  Result<void> list(std::string_view prefix, void (*visit)(void*, std::string_view),
                    void* argument) override {
    if (failing_list > 0 && --failing_list == 0) return Error{Errc::io, "not listed"};
    for (const auto& [name, device] : devices) {
      if (name.starts_with(prefix)) visit(argument, name);
    }
    return {};
  }
  Result<void> sync_names() override {
    ++name_syncs;
    names_synced_by = self_->id;
    if (failing_name_syncs == 0) return {};
    --failing_name_syncs;
    return Error{Errc::io, "not synced"};
  }

  // Frames
  Result<Frame*> acquire(int64_t page, size_t size, Site) override {
    if (failing_frames > 0 && --granted_frames < 0) {
      --failing_frames;
      return Error{Errc::no_memory, "no frame"};
    }
    Frame* const frame = frames.emplace_back(std::make_unique<Frame>()).get();
    const size_t rounded = round_up(size, 512);
    frame->base = static_cast<std::byte*>(std::aligned_alloc(512, rounded));
    std::memset(frame->base, 0, rounded);
    frame->size = size;
    begin(*frame, page);
    ++live_frames;
    return frame;
  }
  void renew(Frame* frame, int64_t page, Site) override {
    std::memset(frame->base, 0, frame->size);
    begin(*frame, page);
  }
  void retire(Frame* frame, Site) override {
    if (!frame->live) throw std::logic_error("a frame retired twice");
    frame->live = false;
    ++frame->generation;
    std::free(frame->base);
    frame->base = nullptr;
    --live_frames;
  }

  // Memory
  Result<void*> allocate(size_t size, size_t alignment, const char* label, Site) override {
    if (failing_label == label && failing_allocations > 0) {
      --failing_allocations;
      return Error{Errc::no_memory, "no memory"};
    }
    const size_t rounded = round_up(std::max<size_t>(size, 1), alignment);
    void* const block = std::aligned_alloc(std::max<size_t>(alignment, 8), round_up(rounded, 8));
    std::memset(block, 0, rounded);
    ++live_blocks;
    return block;
  }
  void free(void* block, Site) override {
    if (block != nullptr) --live_blocks;
    std::free(block);
  }

  /// What another task does the next time that somebody waits, once.
  std::function<void()> meanwhile;
  bool do_meanwhile() {
    if (!meanwhile) return false;
    const auto now = std::exchange(meanwhile, {});
    Self own;
    own.id = ++last_task_;
    as_task(own, now);
    return true;
  }

  /// Finishes the oldest request, on a task of its own. False if there is none.
  bool complete_one() {
    if (queue_.empty() || held || completions_left == 0) return false;
    --completions_left;
    Io* const io = queue_.front();
    queue_.pop_front();
    Self own;
    own.id = ++last_task_;
    as_task(own, [&] { reinterpret_cast<PlainDevice*>(io->ticket)->perform(*io); });
    return true;
  }
  void complete_all() {
    while (complete_one()) {
    }
  }
  size_t queue_size() const { return queue_.size(); }

  PlainDevice& device(const std::string& name) { return *devices.at(name); }
  bool has(const std::string& name) const { return devices.contains(name); }

  bool queued = false;  // requests wait in a queue
  bool held = false;    // and stay there
  int completions_left = 1 << 30;
  int failing_spawns = 0, failing_opens = 0, failing_frames = 0, failing_allocations = 0;
  int granted_frames = 0;  // before the first that fails
  int failing_removes = 0, failing_name_syncs = 0;
  int failing_list = 0;          // the so many-th from now
  uint64_t names_synced_by = 0;  // the task that did it last
  std::string failing_label;
  int live_blocks = 0, live_frames = 0, name_syncs = 0;
  std::map<std::string, std::unique_ptr<PlainDevice>> devices;
  std::vector<std::unique_ptr<PlainDevice>> removed;
  std::vector<std::unique_ptr<Frame>> frames;

 private:
  template <typename Body>
  void as_task(Self& own, const Body& body) {
    Self* const before = std::exchange(self_, &own);
    body();
    self_ = before;
  }
  static void begin(Frame& frame, int64_t page) {
    frame.page = page;
    frame.live = true;
    ++frame.generation;
  }

  Instant now_;
  Self main_{1, 0, 0};
  Self* self_ = &main_;
  uint64_t last_task_ = 1;
  std::deque<Io*> queue_;
};

/// What stands on each device.
using Contents = std::map<std::string, std::vector<std::byte>>;
inline Contents contents_of(const PlainRuntime& plain) {
  Contents all;
  for (const auto& [name, device] : plain.devices) all[name] = device->bytes;
  return all;
}

}  // namespace orrery::engine::testing
