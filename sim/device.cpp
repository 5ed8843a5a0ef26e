// SPDX-License-Identifier: Apache-2.0
#include "sim/device.hpp"

#include <xxhash.h>

#include <algorithm>
#include <string>
#include <utility>

namespace orrery::sim {
namespace {

constexpr const char* kKinds[] = {"read", "write", "sync"};

size_t index_of(engine::IoKind kind) { return static_cast<size_t>(kind); }

// The latency that an answer to Ask::latency stands for.
int64_t latency_of(uint64_t answer, int64_t nominal) {
  if (answer == 0) return nominal;
  if (answer <= 8) return std::max<int64_t>(1, nominal * static_cast<int64_t>(answer) / 8);
  return nominal << (answer - 8);
}

}  // namespace

SimDevice::SimDevice(Disk& disk, const char* name) : disk_(disk), name_(name) {
  for (size_t kind = 0; kind < 3; ++kind) {
    const std::string label = std::string(kKinds[kind]) + ":" + name;
    labels_[kind] = disk.parts_.labels.intern(label);
    done_labels_[kind] = disk.parts_.labels.intern("done-" + label);
  }
  made_label_ = disk.parts_.labels.intern(std::string("made:") + name);
  removed_label_ = disk.parts_.labels.intern(std::string("removed:") + name);
  rest_label_ = disk.parts_.labels.intern(std::string(kAtRest) + name);
}

void SimDevice::begin(const engine::DeviceOptions& options) {
  options_ = options;
  closed_ = name_durable_ = false;
  truncated_ = 0;
  in_flight_ = 0;
  for (const auto& request : requests_) request->io = nullptr;
  service_ends_.assign(disk_.laws_.queue_depth, 0);
  media_.clear();
}

// Submission.

void SimDevice::submit(engine::Io& io, Site site) {
  Scheduler& scheduler = disk_.parts_.scheduler;
  scheduler.point(site);
  Request* request = nullptr;
  engine::Errc refused = engine::Errc::ok;
  bool inline_now = false;
  {
    const Scheduler::Harness harness(scheduler);
    request = &take_place(io, site);
    refused = refuse(io);
    if (refused == engine::Errc::ok && !buffer_is_sound(*request, "submitted")) return;
    if (refused == engine::Errc::ok) request->fate = ask_faults(*request);
    if (request->fate == IoFate::error_at_submit) refused = engine::Errc::io;
    if (refused == engine::Errc::ok) {
      request->transfer_end = io.length;
      if (request->fate == IoFate::error_before_effect) request->transfer_end = 0;
      if (request->fate == IoFate::error_half_effect || request->fate == IoFate::short_transfer) {
        request->transfer_end = engine::round_down(io.length / 2, options_.sector_size);
      }
      AskerAt asker(scheduler, request->at);
      inline_now =
          disk_.inline_depth_ < disk_.laws_.inline_depth_max && asker.choose(Ask::delivery, 2) != 0;
      if (inline_now) {
        transfer(*request, request->transfer_end);
        request->ended = true;
      } else {
        schedule(*request);
      }
    }
  }
  if (refused != engine::Errc::ok) finish(*request, refused);
  if (inline_now) complete(*request);
}

SimDevice::Request& SimDevice::take_place(engine::Io& io, Site site) {
  Request* request = nullptr;
  for (const auto& place : requests_) {
    if (place->io == nullptr) request = place.get();
  }
  if (request == nullptr) {
    requests_.push_back(std::make_unique<Request>());
    request = requests_.back().get();
  }
  const size_t kind = index_of(io.kind);
  Scheduler& scheduler = disk_.parts_.scheduler;
  *request = Request{};
  request->device = this;
  request->io = &io;
  request->asked = io;
  request->at.actor = disk_.parts_.labels.identify({labels_[kind], io.offset},
                                                   scheduler.incarnation(), request->at.key);
  request->number = ++disk_.submitted_;
  request->covers = media_.accepted();
  io.ticket = request->number;
  Trace& trace = disk_.parts_.trace;
  request->record = trace.requests.size();
  request->generation = io.frame != nullptr && io.frame->live ? io.frame->generation : 0;
  trace.requests.push_back({name_, static_cast<uint8_t>(io.kind), request->at.actor.repeat,
                            io.offset, io.length, request->generation, scheduler.current_task(), 0,
                            site});
  scheduler.record(Kind::io_submitted, static_cast<int64_t>(request->record),
                   static_cast<int64_t>(io.offset), static_cast<int64_t>(io.length), site);
  ++in_flight_;
  return *request;
}

engine::Errc SimDevice::refuse(const engine::Io& io) const {
  if (closed_) return engine::Errc::cancelled;
  if (io.kind == engine::IoKind::sync) return engine::Errc::ok;
  const uint32_t sector = options_.sector_size;
  if (io.length == 0 || io.offset % sector != 0 || io.length % sector != 0) {
    return engine::Errc::invalid;
  }
  if (reinterpret_cast<uintptr_t>(io.buffer) % 8 != 0) return engine::Errc::invalid;
  const uint64_t segment = options_.segment_size;
  if (segment != 0 && io.offset / segment != (io.offset + io.length - 1) / segment) {
    return engine::Errc::invalid;
  }
  return engine::Errc::ok;
}

IoFate SimDevice::ask_faults(Request& request) {
  if (disk_.parts_.scheduler.calm_only()) return IoFate::normal;
  AskerAt asker(disk_.parts_.scheduler, request.at);
  for (Fault* fault : disk_.faults_) {
    const IoFate fate = fault->on_submit(request.asked, asker);
    if (fate != IoFate::normal) return fate;
  }
  return IoFate::normal;
}

void SimDevice::schedule(Request& request) {
  Scheduler& scheduler = disk_.parts_.scheduler;
  AskerAt asker(scheduler, request.at);
  const auto slot = std::min_element(service_ends_.begin(), service_ends_.end());
  const int64_t start = std::max(*slot, scheduler.now().ns);
  const int64_t takes =
      latency_of(asker.choose(Ask::latency, kLatencyMax + 1), disk_.laws_.nominal_ns);
  const uint64_t when = asker.choose(Ask::transfer, 15);
  // A held request does not hold its place: others overtake it.
  *slot = start + std::min(takes, disk_.laws_.nominal_ns);
  const auto place = static_cast<uint64_t>(
      std::find_if(requests_.begin(), requests_.end(),
                   [&](const auto& other) { return other.get() == &request; }) -
      requests_.begin());
  const uint64_t what = place << 32 | request.record << 2;
  if (when != 0) {
    const auto eighths = static_cast<int64_t>(when <= 7 ? when : when - 7);
    // 1..7: all of it so much earlier than the completion. 8..14: the first half then, the rest at
    // the end.
    scheduler.at({start + takes * (8 - eighths) / 8}, *this, what | (when <= 7 ? 1 : 2));
  }
  scheduler.at({start + takes}, *this, what);
}

// Transfer.

void SimDevice::due(uint64_t what) {
  Request& request = *requests_[what >> 32];
  if (request.io == nullptr || request.record != (what & 0xFFFF'FFFF) >> 2 || request.ended) {
    return;
  }
  const uint64_t step = what & 3;
  if (step == 1) return transfer(request, request.transfer_end);
  if (step == 2) {
    return transfer(request, engine::round_down(request.transfer_end / 2, options_.sector_size));
  }
  if (!request.cancelled) transfer(request, request.transfer_end);
  request.ended = true;
  const engine::Io& io = request.asked;
  disk_.parts_.scheduler.spawn_task({done_labels_[index_of(io.kind)], io.offset},
                                    &SimDevice::deliver, &request);
}

void SimDevice::transfer(Request& request, size_t until) {
  if (request.cancelled) return;
  if (request.asked.kind == engine::IoKind::sync) {
    if (std::exchange(request.synced, true)) return;
    if (request.fate == IoFate::normal || request.fate == IoFate::error_after_effect) {
      media_.sync(request.covers);
    }
    disk_.parts_.scheduler.record(Kind::io_synced, static_cast<int64_t>(request.record));
    return;
  }
  if (until <= request.transferred) return;
  if (!buffer_is_sound(request, "transferred")) return;
  move_bytes(request, request.transferred, until);
  disk_.parts_.scheduler.record(Kind::io_transferred, static_cast<int64_t>(request.record),
                                static_cast<int64_t>(request.asked.offset + request.transferred),
                                static_cast<int64_t>(until - request.transferred));
  request.transferred = until;
}

void SimDevice::move_bytes(Request& request, size_t from, size_t until) {
  const engine::Io& io = request.asked;
  std::byte* const at = io.buffer + from;
  const size_t length = until - from;
  const uint64_t offset = io.offset + from;
  Scheduler& scheduler = disk_.parts_.scheduler;
  // Where nobody checks buffers, a bad one is a real access violation, and the engine's.
  const Scheduler::Harness exposed(scheduler, false);
  scheduler.touched = disk_.parts_.trace.requests[request.record].submitted_at;
  scheduler.moving = request.record;
  if (io.kind == engine::IoKind::read) {
    media_.read(offset, {at, length});
    ++scheduler.changes;
  } else if (length >= kSparseFrom) {
    size_t written = 0;
    media_.begin_write(offset, length, request.number);
    disk_.sparse_.each_resident(at, length, [&](size_t start, size_t size) {
      media_.add_zeros(offset + written, start - written);
      media_.add(offset + start, {at + start, size});
      written = start + size;
    });
    media_.add_zeros(offset + written, length - written);
  } else {
    media_.begin_write(offset, length, request.number);
    media_.add(offset, {at, length});
  }
  scheduler.saw(length < kSparseFrom ? XXH3_64bits(at, length) : disk_.sparse_.hash(at, length));
  scheduler.moving = UINT64_MAX;
}

bool SimDevice::request_is_alive(const Request& request) const {
  const Block* const block = disk_.parts_.heap.find(request.io);
  return block == nullptr || block->live;
}

// What `done` works on. One that is no block, such as an object on a stack, has no end that the
// heap would know of.
bool SimDevice::owner_is_alive(const Request& request) const {
  const Block* const block = disk_.parts_.heap.find(request.asked.owner);
  return block == nullptr || block->live;
}

bool SimDevice::buffer_is_sound(const Request& request, const char* when) {
  Failure failure;
  if (!request_is_alive(request)) {
    failure.label.format("a request was freed before it was {}", when);
  } else if (disk_.laws_.check_buffers && !owner_is_alive(request)) {
    failure.label.format("the owner of a request was freed before it was {}", when);
  } else if (disk_.laws_.check_buffers) {
    failure = judge_buffer(request);
  }
  if (failure.label.empty()) return true;
  const engine::Io& io = request.asked;
  if (failure.oracle.empty()) failure.oracle = "lifetimes";
  failure.request = request.record;
  failure.generation = request.generation;
  failure.site = disk_.parts_.trace.requests[request.record].submitted_at;
  failure.text.format("{} of {} bytes at {} of {}, {}: {}", kKinds[index_of(io.kind)], io.length,
                      io.offset, name_, when, failure.label.view());
  failure.of_world = true;
  disk_.parts_.scheduler.fail(failure);
  return false;
}

Failure SimDevice::judge_buffer(const Request& request) const {
  const engine::Io& io = request.asked;
  Failure failure;
  if (io.kind == engine::IoKind::sync) return failure;
  const char* const verb = io.kind == engine::IoKind::write ? "from" : "into";
  if (io.buffer == nullptr) {
    failure.label.format("a {} request has no buffer", kKinds[index_of(io.kind)]);
  } else if (io.frame != nullptr) {
    const auto start = static_cast<size_t>(io.buffer - io.frame->base);
    if (request.generation == 0 || !io.frame->live || io.frame->generation != request.generation) {
      failure.touching = io.frame->live ? io.frame->generation : 0;
      failure.label.format("the device transfers {} a frame whose lifetime has ended", verb);
    } else if (start > io.frame->size || io.length > io.frame->size - start) {
      failure.oracle = "frames";
      failure.label.format("the device transfers {} beyond the frame", verb);
    }
  } else if (const Block* block = disk_.parts_.heap.find(io.buffer); block != nullptr) {
    if (!block->live) {
      failure.label.format("the device transfers {} a block that was freed", verb);
    } else if (io.buffer + io.length > block->start + block->size) {
      failure.label.format("the device transfers {} beyond the block", verb);
    }
  }
  return failure;
}

// Completion.

void SimDevice::deliver(void* argument) {
  Request& request = *static_cast<Request*>(argument);
  request.device->complete(request);
}

void SimDevice::complete(Request& request) {
  // What cancel() promised holds, also of a request that would have failed.
  if (request.cancelled) return finish(request, engine::Errc::cancelled);
  switch (request.fate) {
    case IoFate::normal:
    case IoFate::short_transfer: return finish(request, engine::Errc::ok);
    case IoFate::error_at_submit:
    case IoFate::error_before_effect:
    case IoFate::error_half_effect:
    case IoFate::error_after_effect: return finish(request, engine::Errc::io);
  }
}

void SimDevice::finish(Request& request, engine::Errc error) {
  Scheduler& scheduler = disk_.parts_.scheduler;
  engine::Io& io = *request.io;
  {
    const Scheduler::Harness harness(scheduler);
    IoRecord& record = disk_.parts_.trace.requests[request.record];
    ++record.finishes;
    --in_flight_;
    const size_t transferred = error == engine::Errc::ok ? request.transferred : 0;
    scheduler.record(Kind::io_completed, static_cast<int64_t>(request.record),
                     static_cast<int64_t>(error), static_cast<int64_t>(transferred));
    // A request that was refused never had a claim to its buffer.
    if (request.ended && !buffer_is_sound(request, "completed")) return;
    media_.accept(request.number, ++disk_.accepted_);
    io.error = error;
    io.transferred = transferred;
    request.io = nullptr;
    ++disk_.inline_depth_;
  }
  {
    const engine::Actor actor({done_labels_[index_of(request.asked.kind)], request.asked.offset});
    io.done(io);
  }
  --disk_.inline_depth_;
}

bool SimDevice::cancel(engine::Io& io) {
  Scheduler& scheduler = disk_.parts_.scheduler;
  scheduler.point(Site::current());
  const Scheduler::Harness harness(scheduler);
  for (const auto& request : requests_) {
    if (request->io != &io || request->ended || request->transferred > 0) continue;
    request->cancelled = true;
    return true;
  }
  return false;
}

bool SimDevice::try_complete() {
  Scheduler& scheduler = disk_.parts_.scheduler;
  scheduler.point(Site::current());
  const Scheduler::Harness harness(scheduler);
  return scheduler.run_undelivered();
}

void SimDevice::truncate_until(uint64_t offset) {
  disk_.parts_.scheduler.point(Site::current());
  truncated_ = std::max(truncated_, offset);
  // Nothing is promised of what was given up, so it is gone at once, and does not come back.
  const uint64_t segment = options_.segment_size;
  if (segment != 0) media_.forget_below(engine::round_down(offset, segment));
}

void SimDevice::reset() {
  disk_.parts_.scheduler.point(Site::current());
  media_.clear();
  truncated_ = 0;
}

}  // namespace orrery::sim
