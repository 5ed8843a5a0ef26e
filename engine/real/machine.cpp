// SPDX-License-Identifier: Apache-2.0
#include "engine/real/machine.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "engine/real/io_pool.hpp"
#include "engine/real/io_ring.hpp"

namespace orrery::engine {

Result<std::unique_ptr<Machine>> Machine::open(const MachineOptions& options) {
  try {
    return open_or_throw(options);
  } catch (const std::bad_alloc&) {
    return Error{Errc::no_memory, "the process has no memory left"};
  }
}

Result<std::unique_ptr<Machine>> Machine::open_or_throw(const MachineOptions& options) {
  std::unique_ptr<Machine> machine(new Machine(options));
  TRY(machine->start_carrier(options));
  machine->frames_.use(*machine->carrier_);
  TRY_ASSIGN(machine->directory_,
             Directory::open(options.folder, *machine->carrier_, options.direct));
  const bool direct = machine->directory_->is_direct();
  machine->io_method_.insert(0, direct ? "past the page cache, " : "through the page cache, ");
  return machine;
}

Result<void> Machine::start_carrier(const MachineOptions& options) {
  io_method_ = "pread and pwrite";
  if (options.io != IoMethod::pool) {
    const unsigned depth = std::bit_ceil(std::max(256U, options.io_threads));
    auto ring = IoRing::start({.threads = options.io_threads, .depth = depth});
    if (ring) {
      io_method_ = (*ring)->registers() ? "io_uring with registered frames" : "io_uring";
      carrier_ = std::move(*ring);
      return {};
    }
    const Error why = ring.error();
    if (options.io == IoMethod::ring) return why;
    io_method_.append(": ").append(why.what);
    if (why.where > 0) io_method_.append(": ").append(std::strerror(static_cast<int>(why.where)));
  }
  TRY_ASSIGN(carrier_, IoPool::start(options.io_threads));
  return {};
}

Machine::~Machine() {
  threads_.wait_for_all();
  // A completion may spawn a task to the last, which may still give up a frame.
  if (carrier_) carrier_->stop();
  threads_.wait_for_all();
  carrier_.reset();
}

}  // namespace orrery::engine
