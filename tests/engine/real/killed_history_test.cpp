// SPDX-License-Identifier: Apache-2.0
// What was done in processes that were killed at it, before the judges of the simulated world.
//
// Sessions of one process after the other share a few keys, commit their log and are checkpointed.
// Each writes both ends of its operations down in memory that outlives it. What was under way at
// the kill has no end there: it may have happened or not. A client of the next process reads all
// back before anybody else begins.
//
// A kill may lose what was answered, if no commit has covered it. So this is judged like a crash in
// the simulated world (oracles/clients.cpp, operation_log.cpp): what one life saw, from what it
// found on, is linearizable by itself; and what the next one finds is what the log holds up to one
// place, for all keys alike, and that is not below what any commit has promised. A single history
// of all lives would be stronger only if each operation waited for its commit before it counted as
// done. Then almost all would overlap, and a judge could say little of their order.
#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/base/sanitizers.hpp"
#include "scenarios/oracles/linearizable.hpp"
#include "scenarios/oracles/log_order.hpp"
#include "tests/engine/real/checkpoint_on_disk.hpp"
#include "tests/engine/real/io_methods.hpp"
#include "tests/engine/real/killed_child.hpp"
#include "tests/engine/real/native_client.hpp"
#include "tests/engine/real/temporary_folder.hpp"
#include "tests/raise_to.hpp"
#include "tests/start.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

namespace killed_history {

using namespace orrery;
using scenarios::Found;
using scenarios::Linearizability;
using scenarios::Operation;
using scenarios::Outcome;
using tests::Orders;

namespace {

constexpr uint32_t kSessions = 4;
constexpr uint32_t kReader = kSessions;  // its book, and the number of its session less one
constexpr uint64_t kKeys = 24;
constexpr uint64_t kValueMax = 500;               // bytes: not all keys fit into memory
constexpr uint64_t kLives = ORRERY_TSAN ? 2 : 4;  // under TSan they begin slowly
constexpr uint64_t kCommitEvery = 20;             // operations of one session, if it commits
constexpr size_t kNotesMax = 8192;  // several times what a life does before it is killed
constexpr uint64_t kBudget = 50'000'000;
constexpr const char* kWorker = "a process that writes down what it does until it is killed";

uint64_t operations_of(uint64_t life) { return 1'000 + 1'000 * life; }
// Who never does is hardly ever outside of an operation.
bool commits(uint32_t session) { return session % 2 == 0; }

struct Note {
  Operation begun;
  scenarios::Ending ending;
  std::atomic<bool> has_ended{false};
};

/// Of one session in one life.
struct Book {
  std::atomic<uint64_t> count{0};
  std::array<Note, kNotesMax> notes;
};

/// What a life leaves behind.
struct Shared {
  std::atomic<uint64_t> clock{0};
  std::atomic<uint64_t> done{0};
  std::atomic<uint64_t> wrong{0};
  std::atomic<int64_t> log_end{0};                       // as this life found it
  std::atomic<int64_t> promised{0};                      // by its commits
  std::array<std::atomic<uint64_t>, kSessions> serials;  // that its sessions began with
  std::array<Book, kSessions + 1> books;
};
using SharedFile = tests::SharedFile<Shared>;

std::string shared_path(const Orders& orders) {
  return fmt::format("{}/life-{}", orders.folder, orders.number);
}

class SharedNotebook final : public tests::Notebook {
 public:
  explicit SharedNotebook(Book& book) : book_(book) {}
  bool is_full() const { return book_.count.load() == kNotesMax; }

  size_t begin(const Operation& operation) override {
    const uint64_t note = book_.count.load();
    book_.notes[note].begun = operation;
    book_.count.store(note + 1);
    return note;
  }
  void end(size_t note, const scenarios::Ending& ending) override {
    book_.notes[note].ending = ending;
    book_.notes[note].has_ended.store(true);
  }

 private:
  Book& book_;
};

struct Worker {
  const Orders& orders;
  Shared& shared;
  engine::Store& store;

  void read_all_back();
  void play(uint32_t session);
};

tests::ClientOptions client_options(uint32_t session, uint64_t life) {
  return {session + 1, kKeys, kValueMax, life << 20};  // no number is given out twice
}

// Nothing is committed by the first commit: it says where the log ends that was found.
void Worker::read_all_back() {
  const auto end = store.commit_log();
  if (!end) shared.wrong.fetch_add(1);
  if (end && orders.number > 0) shared.log_end.store(*end);
  for (uint32_t i = 0; i < kSessions; ++i) shared.serials[i].store(store.session_serial(i + 1));
  SharedNotebook notes(shared.books[kReader]);
  tests::NativeClient client(store, shared.clock, notes, client_options(kReader, orders.number));
  client.open();
  client.read_all();
  client.close();
}

void Worker::play(uint32_t session) {
  SharedNotebook notes(shared.books[session]);
  tests::NativeClient client(store, shared.clock, notes, client_options(session, orders.number));
  client.open();
  for (uint64_t n = 1; !notes.is_full(); ++n) {
    client.do_one();
    if (client.failures() > 0) shared.wrong.fetch_add(1);
    if (commits(session) && n % kCommitEvery == 0) {
      const auto end = store.commit_log();
      if (!end) shared.wrong.fetch_add(1);
      if (end) tests::raise_to(shared.promised, *end);
    }
    shared.done.fetch_add(1, std::memory_order_relaxed);
  }
  client.close();
}

/// What is known of a life.
struct Life {
  std::vector<Operation> operations;  // without those of who read all back
  std::vector<Found> found;
  int64_t log_end = 0;
  int64_t promised = 0;
  std::array<uint64_t, kSessions> serials{};
};

std::vector<Operation> operations_in(const Book& book) {
  scenarios::History history;
  for (size_t i = 0; i < book.count.load(); ++i) {
    const Note& note = book.notes[i];
    const Operation& one = note.begun;
    history.begin(one.client, one.kind, one.key, one.argument, one.invoked);
    if (note.has_ended.load()) history.end(i, note.ending);
  }
  return {history.operations().begin(), history.operations().end()};
}

Life life_in(const Shared& shared) {
  Life life;
  life.log_end = shared.log_end.load();
  life.promised = shared.promised.load();
  for (uint32_t i = 0; i < kSessions; ++i) {
    const auto own = operations_in(shared.books[i]);
    life.operations.insert(life.operations.end(), own.begin(), own.end());
    life.serials[i] = shared.serials[i].load();
  }
  for (const Operation& read : operations_in(shared.books[kReader])) {
    REQUIRE((read.outcome == Outcome::ok || read.outcome == Outcome::not_found));
    life.found.push_back({read.key, read.outcome == Outcome::ok, read.garbage, read.result});
  }
  REQUIRE(life.found.size() == kKeys);
  return life;
}

// A life, until it is killed; the last one only reads back what is there.
Life live(const Orders& orders) {
  SharedFile shared(shared_path(orders));
  const pid_t child = tests::start_child(kWorker, orders);
  if (orders.number < kLives) {
    tests::kill_at_work(child, shared->done, operations_of(orders.number));
  } else {
    REQUIRE(tests::wait_for_child(child));
  }
  REQUIRE(shared->wrong.load() == 0);
  return life_in(*shared);
}

// By itself, from what it found on; also what is lost afterwards was seen in one order.
std::string judge_life(const Life& life) {
  if (scenarios::find_unlogged(life.operations)) return "a change was not logged";
  if (const auto pair = scenarios::find_misplaced(life.operations)) {
    return fmt::format("{} is in the log before {}, which had ended before",
                       life.operations[pair->later].log_end,
                       life.operations[pair->earlier].log_end);
  }
  std::vector<Operation> all;
  for (const Found& found : life.found) {
    if (const auto write = scenarios::write_of(found, 1)) all.push_back(*write);
  }
  all.insert(all.end(), life.operations.begin(), life.operations.end());
  scenarios::LinearizabilityChecker checker(kBudget);
  const auto report = checker.check(all, {});
  return report.verdict == Linearizability::ok ? "ok" : "not linearizable: " + report.text;
}

// What the next life found is what the log holds of this one: no less, no more, for no key.
std::string judge_contents(const Life& life, const Life& next) {
  scenarios::Logged logged;
  for (size_t i = 0; i < life.operations.size(); ++i) {
    const Operation& one = life.operations[i];
    if (!scenarios::changes(one)) continue;
    if (one.outcome == Outcome::unknown) logged.doubtful.push_back(i);
    if (scenarios::is_logged_until(one, next.log_end)) logged.counted.push_back(i);
  }
  std::vector<Operation> placed;
  for (const auto& one : scenarios::place_by_log(life.operations, logged, life.found, 1)) {
    placed.push_back(one.operation);
  }
  scenarios::LinearizabilityChecker checker(kBudget);
  const auto report = checker.check_final(placed, {}, {1, UINT64_MAX / 2}, next.found);
  return report.verdict == Linearizability::ok
             ? "ok"
             : fmt::format("with the log up to {}: {}", next.log_end, report.text);
}

// A session goes on from the number of its operations up to the last update in the log, or from a
// later one: a checkpoint may know of more.
std::string judge_serials(const Life& life, const Life& next) {
  for (uint32_t i = 0; i < kSessions; ++i) {
    const auto is_own = [&](const Operation& one) { return one.client == i + 1; };
    uint64_t last = 0;  // when the last update began that the log holds
    for (const Operation& one : life.operations) {
      const bool counted = is_own(one) && scenarios::is_logged_until(one, next.log_end);
      if (counted) last = std::max(last, one.invoked);
    }
    const auto is_in = [&](const Operation& one) {
      return is_own(one) && one.outcome != Outcome::unknown && one.invoked <= last;
    };
    const auto& all = life.operations;
    const auto least =
        life.serials[i] + static_cast<uint64_t>(std::count_if(all.begin(), all.end(), is_in));
    const auto most =
        life.serials[i] + static_cast<uint64_t>(std::count_if(all.begin(), all.end(), is_own));
    if (least <= next.serials[i] && next.serials[i] <= most) continue;
    return fmt::format("session {} was told {}, and at least {} and at most {} are there", i + 1,
                       next.serials[i], least, most);
  }
  return "ok";
}

// The serial of a session is the number of its operations that the checkpoint contains.
std::string judge_mark(const Life& life, const scenarios::SessionMark& mark, uint64_t version) {
  if (mark.id == 0 || mark.id > kSessions) return "ok";  // the reader's
  uint64_t least = life.serials[mark.id - 1];
  uint64_t most = least;
  for (const Operation& one : life.operations) {
    if (one.client != mark.id || one.version > version) continue;
    ++most;
    least += one.outcome != Outcome::unknown && one.version != 0 ? 1 : 0;
  }
  if (least <= mark.serial && mark.serial <= most) return "ok";
  return fmt::format("it has {} operations of session {}, and at least {} and at most {} are in it",
                     mark.serial, mark.id, least, most);
}

// What was done in its version and before, on top of what this life had found.
std::string judge_checkpoint(const Life& life, const tests::CheckpointOnDisk& files) {
  const scenarios::SnapshotReader& reader = files.reader();
  if (!reader.findings().empty()) return reader.findings()[0].text;
  const auto found = files.found();
  if (!found) return "it holds a key that nobody wrote";
  const uint64_t version = reader.checkpoint().version;
  for (const scenarios::SessionMark& mark : reader.checkpoint().sessions) {
    const std::string verdict = judge_mark(life, mark, version);
    if (verdict != "ok") return verdict;
  }
  std::vector<Operation> all;
  for (const Found& one : life.found) {
    if (const auto write = scenarios::write_of(one, 1)) all.push_back(*write);
  }
  all.insert(all.end(), life.operations.begin(), life.operations.end());
  scenarios::LinearizabilityChecker checker(kBudget);
  const auto report = checker.check_final(all, {}, {version, UINT64_MAX / 2}, *found);
  return report.verdict == Linearizability::ok ? "ok" : report.text;
}

// Those that a life has left behind, in their files. Counts them in `count`.
std::string judge_checkpoints(const Orders& orders, const Life& life, uint64_t& count) {
  uint64_t first_version = UINT64_MAX;
  for (const Operation& one : life.operations) {
    if (one.version != 0) first_version = std::min(first_version, one.version);
  }
  const std::string store =
      fmt::format("{}/{}", tests::machine_of(orders).folder, tests::store_of(orders).prefix);
  for (const uint64_t token : tests::checkpoint_tokens(store)) {
    tests::CheckpointOnDisk files;
    if (!files.read(store, token)) continue;  // its process was killed before it was committed
    const uint64_t version = files.reader().checkpoint().version;
    if (version < first_version) continue;  // of an earlier life
    ++count;
    const std::string verdict = judge_checkpoint(life, files);
    if (verdict != "ok") return fmt::format("the checkpoint of version {}: {}", version, verdict);
  }
  return "ok";
}

// Or a checkpoint of the next life might take an operation of an earlier one for one of its own.
std::string judge_versions(const Life& life, const Life& next) {
  uint64_t highest = 0;
  for (const Operation& one : life.operations) {
    if (scenarios::is_logged_until(one, next.log_end)) highest = std::max(highest, one.version);
  }
  for (const Operation& one : next.operations) {
    if (one.version == 0 || one.version > highest) continue;
    return fmt::format("a life goes on in version {}, and its log holds version {}", one.version,
                       highest);
  }
  return "ok";
}

std::string judge(const Life& life, const Life& next) {
  if (next.log_end < life.promised) {
    return fmt::format("a commit had promised all up to {}, and the log ends at {}", life.promised,
                       next.log_end);
  }
  if (next.log_end < life.log_end) return "a log ends before what a recovery had found";
  for (const auto& judge_one : {judge_contents, judge_serials, judge_versions}) {
    const std::string verdict = judge_one(life, next);
    if (verdict != "ok") return verdict;
  }
  return "ok";
}

}  // namespace

TEST_CASE(kWorker, "[.child]") {
  const Orders orders = tests::orders_of_child();
  SharedFile shared(shared_path(orders));
  auto machine = engine::Machine::open(tests::machine_of(orders));
  REQUIRE(machine);
  const engine::Bugs bugs;
  auto store = tests::begin_store((*machine)->runtime(), orders, bugs);
  REQUIRE(store);
  Worker worker{orders, *shared, **store};
  worker.read_all_back();
  if (orders.number == kLives) {
    (*store)->close();
    tests::end_child();
  }
  std::atomic<uint32_t> next{0};
  const auto client = [&] { worker.play(next.fetch_add(1)); };
  const auto admin = [&] { tests::take_checkpoints(**store, shared->wrong); };
  engine::Tasks& tasks = (*machine)->runtime().tasks;
  for (uint64_t i = 0; i < kSessions; ++i) tests::start(tasks, {"session", i}, client);
  tasks.join(tests::start(tasks, {"admin", 0}, admin));
}

TEST_CASE("natively: what killed processes have seen and left is one history", "[native][killed]") {
  const std::vector<tests::IoWay> ways = tests::io_ways();
  uint64_t doubtful = 0;
  uint64_t lost = 0;
  uint64_t checkpoints = 0;
  for (size_t way = 0; way < ways.size(); ++way) {
    const tests::TemporaryFolder folder;
    // Direct or not, with it and without.
    Orders orders{folder.path(), way, way == 0 || way == 3};
    Life before;
    for (; orders.number <= kLives; ++orders.number) {
      INFO(ways[way].name << ", life " << orders.number);
      const Life life = live(orders);
      REQUIRE(judge_life(life) == "ok");
      REQUIRE(judge_checkpoints(orders, life, checkpoints) == "ok");
      if (orders.number > 0) REQUIRE(judge(before, life) == "ok");
      for (const Operation& one : life.operations) {
        doubtful += one.outcome == Outcome::unknown ? 1 : 0;
      }
      for (const Operation& one : before.operations) {
        lost += one.outcome == Outcome::ok && one.log_end > life.log_end ? 1 : 0;
      }
      before = life;
    }
  }
  REQUIRE(doubtful > 0);     // or nobody was killed at work,
  REQUIRE(lost > 0);         // or with nothing to lose,
  REQUIRE(checkpoints > 0);  // or before one of its checkpoints was taken
}

}  // namespace killed_history
