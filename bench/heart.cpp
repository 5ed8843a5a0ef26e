// SPDX-License-Identifier: Apache-2.0
// The engine on the machine, in memory, on one thread: fills a store, then reads and upserts keys
// drawn uniformly, half and half. Prints the nanoseconds of CPU time that an operation took. Keys
// are announced (Session::prefetch) as many at a time as BATCH says: the bucket and the record of a
// key lie in memory, and one after the other they take as long as memory takes twice. With 1, none
// is announced.
//
// A program of its own, because it is built twice: with the hooks behind Atomic and PageRef, as the
// engine ships, and without. `bench` runs both in turns (native_heart.cpp).
//
// usage: heart KEYS OPERATIONS BATCH
#include <fmt/format.h>
#include <stdlib.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <string>
#include <string_view>

#include "bench/stopwatch.hpp"
#include "engine/real/machine.hpp"
#include "engine/store/store.hpp"

namespace {

using namespace orrery;

constexpr size_t kBatchMax = 64;

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

struct Operation {
  uint64_t key = 0;
  bool upserts = false;
};

// Values stay congruent to their key: a wrong one is noticed.
bool goes_well(engine::Session& session, const Operation& operation, uint64_t value,
               uint64_t keys) {
  if (operation.upserts) {
    return session.upsert(bytes_of(operation.key), bytes_of(value)).status == engine::Status::ok;
  }
  uint64_t read = UINT64_MAX;
  engine::MutableBytes target{reinterpret_cast<std::byte*>(&read), sizeof read};
  const engine::OpResult result = session.read(bytes_of(operation.key), target);
  return result.status == engine::Status::ok && read % keys == operation.key;
}

double ns_per_operation(engine::Session& session, uint64_t keys, uint64_t operations,
                        size_t batch) {
  Draw draw;
  uint64_t wrong = 0;
  std::array<Operation, kBatchMax> drawn;
  std::array<engine::Bytes, kBatchMax> announced;
  const bench::Stopwatch stopwatch;
  for (uint64_t done = 0; done < operations; done += batch) {
    for (size_t i = 0; i < batch; ++i) {
      const uint64_t word = draw.next();
      drawn[i] = {((word >> 32) * keys) >> 32, (word & 1) != 0};
      announced[i] = bytes_of(drawn[i].key);
    }
    if (batch > 1) session.prefetch({announced.data(), batch});
    for (size_t i = 0; i < batch; ++i) {
      const uint64_t value = drawn[i].key + keys * ((done + i) & 0xFF);
      wrong += goes_well(session, drawn[i], value, keys) ? 0 : 1;
    }
  }
  const double ns = stopwatch.ns() / static_cast<double>(operations);
  CHECK(wrong == 0, "{} of {} operations went wrong", wrong, operations);
  return ns;
}

int run(const std::string& folder, uint64_t keys, uint64_t operations, size_t batch) {
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
  fmt::print("{:.3f}\n", ns_per_operation(**session, keys, operations, batch));
  (*session)->close();
  (*store)->close();
  return 0;
}

// 0 if it is none.
uint64_t number_of(std::string_view word) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size() ? number : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t keys = argc == 4 ? number_of(argv[1]) : 0;
  const uint64_t operations = argc == 4 ? number_of(argv[2]) : 0;
  const uint64_t batch = argc == 4 ? number_of(argv[3]) : 0;
  if (keys == 0 || keys > (uint64_t{1} << 32) || batch == 0 || batch > kBatchMax ||
      operations == 0 || operations % batch != 0) {
    fmt::print(stderr, "usage: heart KEYS OPERATIONS BATCH\n");
    return 2;
  }
  std::string folder = (std::filesystem::temp_directory_path() / "orrery-heart-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 5;
  const int code = run(folder, keys, operations, batch);
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return code;
}
