// SPDX-License-Identifier: Apache-2.0
#include "engine/store/blocking_io.hpp"

#include <utility>

namespace orrery::engine {
namespace {

Io request(IoKind kind, uint64_t offset, MutableBytes bytes, const Frame* frame = nullptr) {
  Io io;
  io.kind = kind;
  io.offset = offset;
  io.buffer = bytes.data();
  io.length = bytes.size();
  io.frame = frame;
  return io;
}

Result<void> transfer(Tasks& tasks, Device& device, Io io) { return run_io(tasks, device, io); }

}  // namespace

void submit_io(Device& device, Io& io, Signal& finished) {
  io.owner = &finished;
  io.done = [](Io& request) { static_cast<Signal*>(request.owner)->set(); };
  device.submit(io);
}

Result<void> outcome_of(const Io& io) {
  const auto where = static_cast<int64_t>(io.offset);
  if (io.error != Errc::ok) return Error{io.error, "a file could not be read or written", where};
  if (io.transferred < io.length) return Error{Errc::io, "a transfer was cut short", where};
  return {};
}

Result<void> run_io(Tasks& tasks, Device& device, Io& io) {
  Signal finished(tasks);
  submit_io(device, io, finished);
  finished.wait();
  return outcome_of(io);
}

Result<void> write_blocking(Tasks& tasks, Device& device, uint64_t offset, MutableBytes bytes) {
  return transfer(tasks, device, request(IoKind::write, offset, bytes));
}

Result<void> read_blocking(Tasks& tasks, Device& device, uint64_t offset, MutableBytes bytes) {
  return transfer(tasks, device, request(IoKind::read, offset, bytes));
}

Result<void> sync_blocking(Tasks& tasks, Device& device) {
  return transfer(tasks, device, request(IoKind::sync, 0, {}));
}

void pause(const Runtime& runtime, Duration length) {
  Atomic<uint32_t> nobody_wakes{0};
  const Instant end = runtime.clock.now() + length;
  while (runtime.tasks.wait(nobody_wakes, 0, end)) {
  }
}

Result<void> PatientIo::write(uint64_t offset, MutableBytes bytes, const Frame* frame) {
  const Io io = request(IoKind::write, offset, bytes, frame);
  return go_on(transfer(runtime_.tasks, device_, io), io);
}

Result<void> PatientIo::read(uint64_t offset, MutableBytes bytes) {
  return read_on(read_blocking(runtime_.tasks, device_, offset, bytes), offset, bytes);
}

Result<void> PatientIo::read_on(Result<void> first, uint64_t offset, MutableBytes bytes,
                                const Frame* frame) {
  return go_on(std::move(first), request(IoKind::read, offset, bytes, frame));
}

Result<void> PatientIo::go_on(Result<void> done, const Io& again) {
  CHECK(policy_.attempts > 0, "a request that is never made");
  for (uint32_t attempt = 1;; ++attempt) {
    if (done || done.error().code == Errc::cancelled || attempt == policy_.attempts) return done;
    SOMETIMES(true, "somebody who waits for a request to a log makes it again");
    if (policy_.retry_delay_us > 0) pause(runtime_, policy_.retry_delay());
    done = transfer(runtime_.tasks, device_, again);
  }
}

}  // namespace orrery::engine
