// SPDX-License-Identifier: Apache-2.0
#include "engine/store/blocking_io.hpp"

#include "engine/store/outstanding.hpp"

namespace orrery::engine {
namespace {

Result<void> transfer(Tasks& tasks, Device& device, IoKind kind, uint64_t offset,
                      MutableBytes bytes) {
  Io io;
  io.kind = kind;
  io.offset = offset;
  io.buffer = bytes.data();
  io.length = bytes.size();
  return run_io(tasks, device, io);
}

}  // namespace

Result<void> run_io(Tasks& tasks, Device& device, Io& io) {
  Signal finished(tasks);
  io.owner = &finished;
  io.done = [](Io& request) { static_cast<Signal*>(request.owner)->set(); };
  device.submit(io);
  finished.wait();
  const auto where = static_cast<int64_t>(io.offset);
  if (io.error != Errc::ok) return Error{io.error, "a file could not be read or written", where};
  if (io.transferred < io.length) return Error{Errc::io, "a transfer was cut short", where};
  return {};
}

Result<void> write_blocking(Tasks& tasks, Device& device, uint64_t offset, MutableBytes bytes) {
  return transfer(tasks, device, IoKind::write, offset, bytes);
}

Result<void> read_blocking(Tasks& tasks, Device& device, uint64_t offset, MutableBytes bytes) {
  return transfer(tasks, device, IoKind::read, offset, bytes);
}

Result<void> sync_blocking(Tasks& tasks, Device& device) {
  return transfer(tasks, device, IoKind::sync, 0, {});
}

void pause(const Runtime& runtime, Duration length) {
  Atomic<uint32_t> nobody_wakes{0};
  const Instant end = runtime.clock.now() + length;
  while (runtime.tasks.wait(nobody_wakes, 0, end)) {
  }
}

Result<void> PatientIo::write(uint64_t offset, MutableBytes bytes) {
  return patiently(IoKind::write, offset, bytes);
}

Result<void> PatientIo::read(uint64_t offset, MutableBytes bytes) {
  return patiently(IoKind::read, offset, bytes);
}

Result<void> PatientIo::patiently(IoKind kind, uint64_t offset, MutableBytes bytes) {
  CHECK(policy_.attempts > 0, "a request that is never made");
  for (uint32_t attempt = 1;; ++attempt) {
    Result<void> done = transfer(runtime_.tasks, device_, kind, offset, bytes);
    if (done || done.error().code == Errc::cancelled || attempt == policy_.attempts) return done;
    SOMETIMES(true, "somebody who waits for a request to a log makes it again");
    if (policy_.retry_delay_us > 0) pause(runtime_, policy_.retry_delay());
  }
}

}  // namespace orrery::engine
