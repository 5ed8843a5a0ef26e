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

}  // namespace orrery::engine
