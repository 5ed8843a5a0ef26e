// SPDX-License-Identifier: Apache-2.0
#include "sim/world.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>

#include <cstdlib>

namespace orrery::sim {
namespace {

// A failed check and the landing of a signal find their world through the scheduler that
// engine::current_points names. The handlers themselves are the process's, and are there as long as
// any world is.
constinit int worlds = 0;

const char* describe(int number);
void blame_device(const Trace& trace, uint64_t request, Failure& failure);

}  // namespace

std::string World::unfit_machine() {
  constexpr size_t kRoom = size_t{3} << 30;  // the least for heap and frames, and the program
  void* const block = mmap(nullptr, kRoom, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (block == MAP_FAILED) {
    return fmt::format(
        "{} GiB of address space cannot be reserved here; try `ulimit -v unlimited` and "
        "`sysctl vm.overcommit_memory=0`",
        kRoom >> 30);
  }
  munmap(block, kRoom);
  return {};
}

World::World() {
  scheduler_.set_owner(this);
  if (++worlds == 1) engine::set_check_handler(&World::check_failed);
}

World::~World() {
  if (--worlds == 0) engine::set_check_handler(nullptr);
}

void World::begin(Source& source, const Laws& laws, std::span<Fault* const> faults) {
  laws_ = laws;
  trace_.clear();
  labels_.begin();
  scheduler_.begin(source, laws.pace, faults, laws.detailed);
  scheduler_.checked = laws.checked;
  if (laws.mirrored) scheduler_.turn_stacks_over();
  heap_.begin(laws.guarded, laws.mirrored);
  frames_.begin(laws.guarded, laws.mirrored);
  disk_.begin(laws.disk, faults);
}

void World::run(Name name, void (*body)(void*), void* argument) {
  scheduler_.run_all(name, body, argument);
}

void World::crash(bool power_lost) {
  CHECK(!scheduler_.on_task(), "a crash happens on the world's stack");
  scheduler_.record(Kind::crashed, power_lost ? 1 : 0);
  disk_.settle_requests();
  if (power_lost) disk_.lose_power();
  heap_.begin(laws_.guarded, laws_.mirrored);
  frames_.begin(laws_.guarded, laws_.mirrored);
  scheduler_.set_incarnation(scheduler_.incarnation() + 1);
}

void World::check_failed(const engine::CheckFailure& failed) {
  auto* const scheduler = static_cast<Scheduler*>(engine::current_points);
  if (scheduler == nullptr || scheduler->in_harness()) {
    fmt::print(stderr, "orrery: defect of the harness: {}:{}: CHECK({}) failed: {}\n", failed.file,
               failed.line, failed.expression, failed.text);
    std::_Exit(5);
  }
  Failure failure;
  failure.oracle = "check";
  failure.label.format("CHECK({})", failed.expression);
  failure.text.format("CHECK({}) failed: {}", failed.expression, failed.text);
  failure.site = scheduler->touched;
  scheduler->fail(failure);
}

void World::landed(Scheduler& scheduler, const CaughtSignal& signal) {
  World& world = *scheduler.owner();
  Failure failure;
  failure.oracle = "memory";
  failure.site = scheduler.touched;
  if (signal.number == SIGALRM) {
    failure.oracle = "progress";
    failure.label = "a task does not come back to the scheduler";
  } else if (world.frames_.owns(signal.address)) {
    const uint64_t generation = world.frames_.find(signal.address);
    failure.generation = generation;
    if (generation == 0) {
      failure.label.format("{} in memory for frames that no page ever had",
                           describe(signal.number));
    } else {
      const Lifetime& lifetime = world.trace_.lifetimes[generation - 1];
      if (lifetime.retired_step != UINT64_MAX) {
        failure.label.format("{} in a page whose lifetime has ended", describe(signal.number));
      } else {
        failure.label.format("{} behind the end of a page", describe(signal.number));
      }
    }
  } else if (world.heap_.owns(signal.address)) {
    const Block* block = world.heap_.find_guarded(signal.address);
    failure.label.format("{} in {}", describe(signal.number),
                         block == nullptr ? "the heap, outside every block"
                         : block->live    ? "the guard of a block"
                                          : "a block that was freed");
    if (block != nullptr) {
      failure.text.format("{}: {} bytes ({}), allocated at step {}", failure.label.view(),
                          block->size, block->label, block->allocated_step);
    }
    if (block != nullptr && !block->live) {
      FixedText<40> freed;
      freed.format(", freed at step {}", block->freed_step);
      failure.text.append(freed.view());
    }
  } else if (scheduler.stacks().in_guard(signal.address)) {
    failure.label.format("{}: a task's stack overflowed", describe(signal.number));
  } else {
    failure.label.assign(describe(signal.number));
  }
  if (failure.text.empty()) failure.text.assign(failure.label.view());
  if (scheduler.moving != UINT64_MAX) blame_device(world.trace_, scheduler.moving, failure);
  scheduler.fail(failure);
}

namespace {

const char* describe(int number) {
  switch (number) {
    case SIGSEGV: return "access violation (SIGSEGV)";
    case SIGBUS: return "access violation (SIGBUS)";
    case SIGFPE: return "arithmetic error (SIGFPE)";
    case SIGILL: return "illegal instruction (SIGILL)";
    case SIGABRT: return "abort (SIGABRT)";
    default: return "signal";
  }
}

// A transfer runs on the stack of whichever task was stopped for it, and has nothing to do with it.
void blame_device(const Trace& trace, uint64_t request, Failure& failure) {
  const IoRecord& record = trace.requests[request];
  FixedText<400> text;
  text.format("the device transfers {} bytes at {} of {}: {}", record.length, record.offset,
              record.device, failure.text.view());
  failure.text = text;
  failure.request = request;
  failure.of_world = true;
}

}  // namespace
}  // namespace orrery::sim
