// SPDX-License-Identifier: Apache-2.0
#include "engine/real/machine.hpp"

#include <new>

namespace orrery::engine {

Result<std::unique_ptr<Machine>> Machine::open(const MachineOptions& options) {
  std::unique_ptr<Machine> machine(new (std::nothrow) Machine(options.huge_pages));
  if (machine == nullptr) return Error{Errc::no_memory, "the process has no memory left"};
  TRY_ASSIGN(machine->pool_, IoPool::start(options.io_threads));
  TRY_ASSIGN(machine->directory_, Directory::open(options.folder, *machine->pool_));
  return machine;
}

Machine::~Machine() {
  threads_.wait_for_all();
  pool_.reset();  // a completion may spawn a task to the last: the threads go after it
}

}  // namespace orrery::engine
