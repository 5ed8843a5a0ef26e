// SPDX-License-Identifier: Apache-2.0
// The append log on the machine: threads append, commit and read at once; what was acknowledged is
// there when the log is opened again, each client's entries in order and without a gap.
#include "engine/store/append_log.hpp"

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "engine/real/machine.hpp"
#include "engine/store/append_log_iterator.hpp"
#include "scenarios/history.hpp"
#include "tests/engine/real/io_methods.hpp"
#include "tests/engine/real/temporary_folder.hpp"
#include "tests/raise_to.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery::engine;
using orrery::scenarios::decode_value;
using orrery::scenarios::encode_value;
using orrery::scenarios::number_of;

namespace {

constexpr uint32_t kWriters = 3;
constexpr uint64_t kEntries = 400;

struct Shared {
  Runtime runtime;
  AppendLog& log;
  uint64_t life = 0;
  std::atomic<int64_t> acknowledged{0};
  std::atomic<uint32_t> writing{kWriters};
  std::atomic<uint32_t> wrong{0};
};

struct Writer {
  Shared* shared = nullptr;
  uint32_t id = 0;
};

void keep_writing(void* argument) {
  const Writer& writer = *static_cast<Writer*>(argument);
  Shared& shared = *writer.shared;
  for (uint64_t n = 1; n <= kEntries; ++n) {
    std::array<std::byte, 200> room;
    const Bytes payload = encode_value(number_of(writer.id, shared.life * kEntries + n),
                                       8 + (n * 7 + writer.id) % 150, room);
    if (!shared.log.enqueue(payload)) ++shared.wrong;
    if (n % (10 + writer.id) != 0) continue;
    const auto until = shared.log.commit(0);
    if (!until) ++shared.wrong;
    if (until) orrery::tests::raise_to(shared.acknowledged, *until);
  }
  --shared.writing;
}

/// The last number of each client, or 0 if one has a gap or is no number.
struct Tally {
  std::array<uint64_t, kWriters> last{};
  bool in_order = true;
  void take(Bytes payload) {
    const uint64_t number = decode_value(payload).value_or(0);
    const uint64_t client = (number >> 40) - 1;
    in_order = in_order && number != 0 && client < kWriters;
    if (!in_order) return;
    const uint64_t n = number & ((uint64_t{1} << 40) - 1);
    // A life may end before all of it was committed.
    in_order = n == last[client] + 1 || (n > last[client] && n % kEntries == 1);
    last[client] = n;
  }
};

void follow(void* argument) {
  Shared& shared = *static_cast<Shared*>(argument);
  AppendLogIterator iterator(shared.runtime, shared.log, {});
  if (!iterator.initialise()) return;
  Tally tally;
  for (;;) {
    const bool last = shared.writing.load() == 0;
    const auto next = iterator.get_next();
    if (!next) ++shared.wrong;
    if (!next || (last && !next->has_value())) break;
    if (next->has_value()) {
      tally.take((*next)->payload);
    } else {
      std::this_thread::yield();
    }
  }
  if (!tally.in_order) ++shared.wrong;
}

void live(const Runtime& runtime, AppendLog& log, uint64_t life, int64_t& acknowledged) {
  Shared shared{runtime, log, life, {}, {kWriters}, {}};
  std::array<Writer, kWriters> writers;
  std::vector<TaskId> tasks;
  for (uint32_t id = 0; id < kWriters; ++id) {
    writers[id] = {&shared, id};
    tasks.push_back(*runtime.tasks.spawn({"writer", id}, &keep_writing, &writers[id]));
  }
  tasks.push_back(*runtime.tasks.spawn({"reader", 0}, &follow, &shared));
  for (const TaskId task : tasks) runtime.tasks.join(task);
  CHECK(shared.wrong.load() == 0);
  acknowledged = shared.acknowledged.load();
}

}  // namespace

TEST_CASE("an append log is written, read and opened again by threads", "[native][append-log]") {
  for (const orrery::tests::IoWay& way : orrery::tests::io_ways()) {
    const bool fast = way.direct;
    const orrery::tests::TemporaryFolder folder;
    auto machine = Machine::open({folder.path(), 4, way.method, way.direct, false});
    REQUIRE(machine);
    const Runtime runtime = (*machine)->runtime();
    AppendLogOptions options;
    options.ring.page_bits = 10;
    options.ring.memory_bits = 13;
    options.ring.segment_bits = 14;
    options.ring.prefix = "aof";
    options.fast_commit = fast;
    options.file_interval = 16;
    int64_t acknowledged = 0;
    for (uint64_t life = 0; life < 3; ++life) {
      auto made =
          life == 0 ? AppendLog::open(runtime, options) : AppendLog::recover(runtime, options);
      INFO((made ? "" : made.error().what));
      REQUIRE(made);
      AppendLog& log = **made;
      CHECK(log.committed_until() >= acknowledged);
      live(runtime, log, life, acknowledged);
      log.close();
    }
  }
}
