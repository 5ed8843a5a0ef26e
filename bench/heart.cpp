// SPDX-License-Identifier: Apache-2.0
// The engine on the machine, in memory, on one thread: fills a store, then reads and upserts keys
// drawn uniformly, half and half. Prints the nanoseconds of CPU time that an operation took.
//
// A program of its own, because it is built twice: with the hooks behind Atomic and PageRef, as the
// engine ships, and without. `bench` runs both in turns (native_heart.cpp).
//
// usage: heart KEYS OPERATIONS
#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "bench/stopwatch.hpp"
#include "engine/real/machine.hpp"
#include "engine/store/store.hpp"

namespace {

using namespace orrery;

engine::StoreOptions store_options(uint64_t keys) {
  engine::StoreOptions options;
  options.page_bits = 22;
  options.memory_bits = 28;
  options.index_bits = 1;
  while ((uint64_t{4} << options.index_bits) < keys) ++options.index_bits;
  options.main_is_null = true;
  return options;
}

// xorshift64*: cheap beside an operation.
struct Draw {
  uint64_t state = 88'172'645'463'325'252ULL;
  uint64_t next() {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545'F491'4F6C'DD1DULL;
  }
};

engine::Bytes bytes_of(const uint64_t& number) {
  return {reinterpret_cast<const std::byte*>(&number), sizeof number};
}

void fill(engine::Session& session, uint64_t keys) {
  for (uint64_t key = 0; key < keys; ++key) {
    const engine::OpResult result = session.upsert(bytes_of(key), bytes_of(key));
    CHECK(result.status == engine::Status::ok, "key {} was not written", key);
  }
}

// Values stay congruent to their key: a wrong one is noticed.
double ns_per_operation(engine::Session& session, uint64_t keys, uint64_t operations) {
  Draw draw;
  uint64_t wrong = 0;
  const bench::Stopwatch stopwatch;
  for (uint64_t n = 0; n < operations; ++n) {
    const uint64_t drawn = draw.next();
    const uint64_t key = ((drawn >> 32) * keys) >> 32;
    uint64_t value = key + keys * (n & 0xFF);
    if ((drawn & 1) != 0) {
      wrong += session.upsert(bytes_of(key), bytes_of(value)).status != engine::Status::ok ? 1 : 0;
      continue;
    }
    engine::MutableBytes target{reinterpret_cast<std::byte*>(&value), sizeof value};
    const engine::OpResult result = session.read(bytes_of(key), target);
    wrong += result.status != engine::Status::ok || value % keys != key ? 1 : 0;
  }
  const double ns = stopwatch.ns() / static_cast<double>(operations);
  CHECK(wrong == 0, "{} of {} operations went wrong", wrong, operations);
  return ns;
}

int run(const std::string& folder, uint64_t keys, uint64_t operations) {
  engine::MachineOptions options;
  options.folder = folder;
  options.huge_pages = true;
  auto machine = engine::Machine::open(options);
  if (!machine) return 5;
  const engine::Bugs bugs;
  auto store = engine::Store::open((*machine)->runtime(), store_options(keys), bugs);
  if (!store) return 5;
  auto session = (*store)->start_session({});
  if (!session) return 5;
  fill(**session, keys);
  fmt::print("{:.3f}\n", ns_per_operation(**session, keys, operations));
  (*session)->close();
  (*store)->close();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t keys = argc == 3 ? std::stoull(argv[1]) : 0;
  const uint64_t operations = argc == 3 ? std::stoull(argv[2]) : 0;
  if (keys == 0 || keys > (uint64_t{1} << 32) || operations == 0) {
    fmt::print(stderr, "usage: heart KEYS OPERATIONS\n");
    return 2;
  }
  std::string folder = (std::filesystem::temp_directory_path() / "orrery-heart-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 5;
  const int code = run(folder, keys, operations);
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return code;
}
