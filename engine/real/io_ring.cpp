// SPDX-License-Identifier: Apache-2.0
#include "engine/real/io_ring.hpp"

#include <errno.h>
#include <liburing.h>
#include <sched.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <system_error>

#include "engine/real/buffer_watch.hpp"
#include "engine/real/file_device.hpp"

namespace orrery::engine {
namespace {

constexpr uint32_t kStop = UINT32_MAX;  // to a thread that is to end; the library has names above
constexpr int kRefusalsMax = 8;         // of one request, before it is carried out by a call

// What a ring must be able to do for us.
constexpr int kOperations[] = {IORING_OP_NOP,        IORING_OP_READ,        IORING_OP_WRITE,
                               IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED, IORING_OP_FSYNC};

// How a request goes on after what the kernel has answered; nothing if it must be asked again.
template <typename Slot>
std::optional<Errc> end_of(Slot& slot, int result);

}  // namespace

Result<std::unique_ptr<IoRing>> IoRing::start(const RingOptions& options) {
  CHECK(options.threads > 0 && options.threads <= options.depth, "{} threads for {} requests",
        options.threads, options.depth);
  const Error refused{Errc::no_memory, "the threads of the ring cannot be started"};
  try {
    std::unique_ptr<IoRing> ring(new IoRing(options));
    TRY(ring->initialise());
    for (unsigned i = 0; i < options.threads; ++i) {
      ring->threads_.emplace_back([raw = ring.get()] { raw->serve(); });
    }
    return ring;
  } catch (const std::system_error&) {
    return refused;
  } catch (const std::bad_alloc&) {
    return refused;
  }
}

IoRing::IoRing(const RingOptions& options)
    : options_(options), ring_(new io_uring()), slots_(options.depth) {
  again_.reserve(options.depth);  // so that a completion needs no memory
  free_.reserve(options.depth);
  for (uint32_t i = options.depth; i > 0; --i) free_.push_back(i - 1);
}

Result<void> IoRing::initialise() {
  const int failed = io_uring_queue_init(options_.depth, ring_.get(), 0);
  if (failed == -ENOMEM) return Error{Errc::no_memory, "there is no memory for a ring"};
  if (failed != 0) return Error{Errc::io, "the kernel gives us no ring", -failed};
  made_ = true;
  io_uring_probe* const probe = io_uring_get_probe_ring(ring_.get());
  if (probe == nullptr) return Error{Errc::io, "the kernel's ring is too old"};
  const bool all = std::all_of(std::begin(kOperations), std::end(kOperations),
                               [&](int one) { return io_uring_opcode_supported(probe, one) != 0; });
  io_uring_free_probe(probe);
  if (!all) return Error{Errc::io, "the kernel's ring can do too little"};
  registers_ = options_.registers && frames_.initialise(*ring_);
  return {};
}

IoRing::~IoRing() {
  stop();
  if (made_) io_uring_queue_exit(ring_.get());
}

void IoRing::stop() {
  {
    std::unique_lock lock(mutex_);
    // Whoever hands over may come back from the kernel after what it handed over has ended.
    idle_.wait(lock, [this] { return outstanding_ == 0 && !submitting_; });
    for (size_t i = 0; i < threads_.size(); ++i) {
      io_uring_sqe* const entry = io_uring_get_sqe(ring_.get());
      CHECK(entry != nullptr, "an idle ring is full");
      io_uring_prep_nop(entry);
      io_uring_sqe_set_data64(entry, kStop);
    }
    if (!threads_.empty()) enter(static_cast<unsigned>(threads_.size()));
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool IoRing::submit(FileDevice& device, Io& io) {
  // Not under the lock of all requests: to pin a frame takes its time, once.
  int frame = RegisteredFrames::kNone;
  if (io.frame != nullptr && io.kind != IoKind::sync) {
    frame = frames_.number_of(*io.frame, io.buffer + io.length);
  }
  std::unique_lock lock(mutex_);
  try {
    queue_.push_back({&device, &io, false, frame});
  } catch (const std::bad_alloc&) {
    return false;
  }
  ++outstanding_;
  pump(lock);
  return true;
}

// What the kernel has takes its course.
bool IoRing::cancel(const Io& io) {
  const std::lock_guard lock(mutex_);
  const auto job =
      std::find_if(queue_.begin(), queue_.end(), [&io](const Job& one) { return one.io == &io; });
  if (job == queue_.end() || job->cancelled) return false;
  job->cancelled = true;
  return true;
}

// Hands over all that there is room for. If another task is at it, that one looks again.
void IoRing::pump(std::unique_lock<std::mutex>& lock) {
  if (submitting_) return;
  submitting_ = true;
  while (const unsigned count = prepare_all()) {
    lock.unlock();
    enter(count);
    lock.lock();
  }
  submitting_ = false;
  if (outstanding_ == 0) idle_.notify_all();
}

// Returns how many entries there are for the kernel.
unsigned IoRing::prepare_all() {
  unsigned count = 0;
  for (; !again_.empty(); ++count) {
    const uint32_t index = again_.back();
    again_.pop_back();
    prepare(index);
  }
  while (!free_.empty()) {
    const std::optional<Slot> next = next_in_queue();
    if (!next) break;
    const uint32_t index = free_.back();
    free_.pop_back();
    slots_[index] = *next;
    prepare(index);
    ++count;
  }
  return count;
}

std::optional<IoRing::Slot> IoRing::next_in_queue() {
  while (!queue_.empty()) {
    Slot slot;
    slot.job = queue_.front();
    queue_.pop_front();
    if (slot.job.cancelled) {
      slot.error = Errc::cancelled;
      return slot;
    }
    if (slot.job.io->kind != IoKind::sync) return slot;
    if (slot.job.device->begin_sync(*slot.job.io, slot.error)) {
      slot.syncs = true;
      return slot;
    }
  }
  return std::nullopt;
}

void IoRing::prepare(uint32_t index) {
  io_uring_sqe* const entry = io_uring_get_sqe(ring_.get());
  CHECK(entry != nullptr, "there are more slots than entries of the ring");
  Slot& slot = slots_[index];
  FileDevice& device = *slot.job.device;
  const Io& io = *slot.job.io;
  std::byte* const buffer = io.buffer + slot.done;
  const auto length = static_cast<unsigned>(std::min(io.length - slot.done, options_.chunk));
  const uint64_t offset = io.offset + slot.done;
  if (slot.error != Errc::ok) {
    io_uring_prep_nop(entry);  // it ends as all others do, on a thread of ours
  } else if (io.kind == IoKind::sync) {
    io_uring_prep_fsync(entry, device.file(), IORING_FSYNC_DATASYNC);
  } else {
    const int file = slot.buffered ? device.file() : device.file_for(buffer, length, offset);
    slot.buffered = file == device.file();
    const bool reads = io.kind == IoKind::read;
    if (!reads) announce_source(io, device.sector_size());
    if (slot.job.frame == RegisteredFrames::kNone) {
      io_uring_prep_rw(reads ? IORING_OP_READ : IORING_OP_WRITE, entry, file, buffer, length,
                       offset);
    } else {
      io_uring_prep_rw(reads ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED, entry, file, buffer,
                       length, offset);
      entry->buf_index = static_cast<uint16_t>(slot.job.frame);
    }
    // Otherwise whoever submits might copy whole pages; and a read that waits for the cache fails
    // if that thread has ended meanwhile.
    if (slot.buffered) entry->flags |= IOSQE_ASYNC;
  }
  io_uring_sqe_set_data64(entry, index);
}

void IoRing::enter(unsigned count) {
  while (count > 0) {
    const int taken = io_uring_submit(ring_.get());
    if (taken > 0) count -= std::min(count, static_cast<unsigned>(taken));
    if (taken >= 0 || taken == -EINTR) continue;
    // The kernel is short of memory: completions give it back.
    CHECK(taken == -EAGAIN || taken == -EBUSY || taken == -ENOMEM,
          "the ring refuses entries with error {}", -taken);
    sched_yield();
  }
}

void IoRing::serve() {
  for (;;) {
    uint64_t index = 0;
    int result = 0;
    {
      const std::lock_guard lock(reap_mutex_);
      io_uring_cqe* entry = nullptr;
      int failed = 0;
      do {
        failed = io_uring_wait_cqe(ring_.get(), &entry);
      } while (failed == -EINTR);
      CHECK(failed == 0, "the ring cannot be waited for: error {}", -failed);
      index = io_uring_cqe_get_data64(entry);
      result = entry->res;
      io_uring_cqe_seen(ring_.get(), entry);
    }
    if (index == kStop) return;
    handle(static_cast<uint32_t>(index), result);
  }
}

void IoRing::handle(uint32_t index, int result) {
  std::unique_lock lock(mutex_);
  Slot& slot = slots_[index];
  const std::optional<Errc> answer = end_of(slot, result);
  if (answer) return end(lock, index, *answer);
  if (slot.refusals <= kRefusalsMax) {
    again_.push_back(index);
    return pump(lock);
  }
  // The kernel may be short of what it needs to carry a request out later. A call needs none of it.
  const Job job = slot.job;
  lock.unlock();
  const Errc error = job.device->perform(*job.io);
  lock.lock();
  slot.done = job.io->length;
  end(lock, index, error);
}

// The slot is free before `done` is called, which may take its time, or wait for another request.
void IoRing::end(std::unique_lock<std::mutex>& lock, uint32_t index, Errc error) {
  Slot& slot = slots_[index];
  const Slot ended = slot;
  Io* next = nullptr;
  if (ended.syncs) {
    // One that the kernel was not asked for says nothing new.
    next = ended.job.device->end_sync(ended.error == Errc::ok ? error : Errc::ok, slot.error);
  }
  if (next != nullptr) {
    slot.job.io = next;
    slot.refusals = 0;
    again_.push_back(index);
  } else {
    free_.push_back(index);
  }
  pump(lock);
  lock.unlock();
  Io& io = *ended.job.io;
  if (io.kind == IoKind::read && error == Errc::ok && ended.done < io.length) {
    std::memset(io.buffer + ended.done, 0, io.length - ended.done);
  }
  ended.job.device->finish(io, error);
  lock.lock();
  if (--outstanding_ == 0) idle_.notify_all();
}

namespace {

template <typename Slot>
std::optional<Errc> end_of(Slot& slot, int result) {
  if (slot.error != Errc::ok) return slot.error;
  // Nobody here cancels what the kernel has: it gives up the requests of a thread that ends, and
  // those for which it has no worker.
  if (result == -EINTR || result == -EAGAIN || result == -ECANCELED) {
    ++slot.refusals;
    return std::nullopt;
  }
  const Io& io = *slot.job.io;
  if (io.kind == IoKind::sync) return result == 0 ? Errc::ok : errc_of(-result);
  if (result == -EINVAL && !slot.buffered) {
    slot.buffered = true;  // the device wants another alignment than most do
    return std::nullopt;
  }
  if (result < 0) return errc_of(-result);
  if (result == 0) {
    return io.kind == IoKind::write ? Errc::io : Errc::ok;  // the rest of a read is zeros
  }
  slot.done += static_cast<size_t>(result);
  if (slot.done < io.length) return std::nullopt;
  return Errc::ok;
}

}  // namespace
}  // namespace orrery::engine
