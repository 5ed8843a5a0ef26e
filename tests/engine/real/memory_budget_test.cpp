// SPDX-License-Identifier: Apache-2.0
// What a machine gives out: within its budget, and zeros.
#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/real/machine.hpp"
#include "engine/store/store.hpp"
#include "tests/engine/real/temporary_folder.hpp"
#include "tests/start.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery::engine;
using orrery::tests::TemporaryFolder;

TEST_CASE("a machine gives out no more memory than its budget, and takes all of it back") {
  constexpr uint64_t kBudget = uint64_t{16} << 20;
  const TemporaryFolder folder;
  MachineOptions options;
  options.folder = folder.path();
  options.memory_max = kBudget;
  const auto machine = Machine::open(options);
  REQUIRE(machine.has_value());
  const Runtime runtime = (*machine)->runtime();
  for (int round = 0; round < 3; ++round) {
    std::vector<void*> blocks;
    std::vector<Frame*> frames;
    for (int64_t page = 0;; ++page) {
      const auto block = runtime.memory.allocate(100'000, 8, "block");
      if (block) blocks.push_back(*block);
      const auto frame = runtime.frames.acquire(page, 200'000);
      if (frame) frames.push_back(*frame);
      CHECK((*machine)->memory_used() <= kBudget);
      if (block || frame) continue;
      CHECK(block.error().code == Errc::no_memory);
      CHECK(frame.error().code == Errc::no_memory);
      break;
    }
    CHECK((*machine)->memory_used() > kBudget - 100'000);
    CHECK(blocks.size() >= 50);
    CHECK(frames.size() >= 50);
    for (void* const block : blocks) runtime.memory.free(block);
    for (Frame* const frame : frames) runtime.frames.retire(frame);
    CHECK((*machine)->memory_used() == 0);
  }
}

TEST_CASE("a store that does not fit its machine says so, and leaves nothing behind") {
  const TemporaryFolder folder;
  MachineOptions options;
  options.folder = folder.path();
  options.memory_max = uint64_t{4} << 20;
  const auto machine = Machine::open(options);
  REQUIRE(machine.has_value());
  StoreOptions large;
  large.page_bits = 20;
  large.memory_bits = 26;
  large.index_bits = 18;  // 16 MiB
  const Bugs none;
  const auto store = Store::open((*machine)->runtime(), large, none);
  REQUIRE(!store.has_value());
  CHECK(store.error().code == Errc::no_memory);
  CHECK((*machine)->memory_used() == 0);
}

TEST_CASE("a large block is zeros however often it was used") {
  MemoryBudget budget(UINT64_MAX);
  SystemMemory memory(budget);
  for (const size_t alignment : {8U, 64U, 4096U}) {
    for (int round = 0; round < 4; ++round) {
      constexpr size_t kBytes = (size_t{5} << 20) + 123;
      const auto block = memory.allocate(kBytes, alignment, "block", Site::current());
      REQUIRE(block.has_value());
      auto* const bytes = static_cast<std::byte*>(*block);
      CHECK(std::all_of(bytes, bytes + kBytes, [](std::byte one) { return one == std::byte{0}; }));
      std::memset(bytes, 0xA5, kBytes);
      memory.free(*block, Site::current());
    }
  }
}
