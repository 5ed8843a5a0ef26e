// SPDX-License-Identifier: Apache-2.0
// Processes that are killed at work, and the store that the next one finds.
//
// A child writes, commits its log and takes checkpoints, until it is killed. It says in memory that
// it shares with the test which number it is about to write to a key, and up to which number it was
// told that all is durable. Each key has one writer and its numbers only grow, so what a recovery
// may find lies between the two.
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/store/store.hpp"
#include "scenarios/history.hpp"
#include "tests/engine/real/io_methods.hpp"
#include "tests/engine/real/temporary_folder.hpp"
#include "tests/start.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;

extern char** environ;

namespace {

constexpr uint64_t kSessions = 4;
constexpr uint64_t kKeysEach = 8;
constexpr uint64_t kKeys = kSessions * kKeysEach;
constexpr uint64_t kLives = 4;
constexpr const char* kChild = "a process that works until it is killed";

/// Outlives the child, as what it has written to a file does.
struct Shared {
  std::atomic<uint64_t> done{0};  // operations of this life
  std::atomic<uint64_t> wrong{0};
  std::array<std::atomic<uint64_t>, kKeys> asked{};    // the highest number that may be there
  std::array<std::atomic<uint64_t>, kKeys> durable{};  // the lowest
};

class SharedFile {
 public:
  explicit SharedFile(const std::string& folder) {
    const int file = open((folder + "/shared").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    REQUIRE(file >= 0);
    REQUIRE(ftruncate(file, sizeof(Shared)) == 0);
    void* const at = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    REQUIRE(at != MAP_FAILED);
    close(file);
    shared_ = static_cast<Shared*>(at);  // zeros, which is what it begins with
  }
  ~SharedFile() { munmap(shared_, sizeof(Shared)); }
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;
  Shared& operator*() { return *shared_; }

 private:
  Shared* shared_;
};

engine::StoreOptions options_of(bool fast) {
  engine::StoreOptions options;
  options.page_bits = 10;
  options.memory_bits = 13;
  options.mutable_permille = 500;
  options.index_bits = 3;
  options.segment_bits = 16;
  options.epoch_slots = 32;
  options.checkpoints_kept = 1;
  options.log_operations = true;
  options.log_page_bits = 10;
  options.log_memory_bits = 13;
  options.log_fast_commit = fast;
  return options;
}

engine::MachineOptions machine_of(const std::string& folder, const tests::IoWay& way) {
  return {folder + "/devices", 4, way.method, way.direct, false};
}

engine::Result<engine::Owned<engine::Store>> begin(engine::Machine& machine, bool fast,
                                                   const engine::Bugs& bugs) {
  auto recovered = engine::Store::recover(machine.runtime(), options_of(fast), bugs);
  if (recovered || recovered.error().code != engine::Errc::not_found) return recovered;
  return engine::Store::open(machine.runtime(), options_of(fast), bugs);
}

using Answer = engine::OpResult;

engine::SessionOptions session_of(uint64_t id) {
  engine::SessionOptions options;
  options.id = id;
  options.completed = [](void* context, const engine::OpResult& result) {
    *static_cast<Answer*>(context) = result;
  };
  return options;
}

class Client {
 public:
  explicit Client(engine::Session& session) : session_(session) {}

  /// The number that a key has: 0 if it has none, kUnknown if nobody could say.
  static constexpr uint64_t kUnknown = UINT64_MAX;
  uint64_t read(uint64_t key) {
    std::array<std::byte, 256> room;
    Answer answer;
    const engine::OpResult result = wait(session_.read(name_of(key), room, &answer), answer);
    if (result.status == engine::Status::not_found) return 0;
    if (result.status != engine::Status::ok || result.value_size > room.size()) return kUnknown;
    const auto value = engine::Bytes(room).first(result.value_size);
    return scenarios::decode_value(value).value_or(kUnknown);
  }

  bool write(uint64_t key, uint64_t number) {
    std::array<std::byte, 256> room;
    Answer answer;
    const size_t size = scenarios::kEncodedSizeMin + number % 100;
    const auto value = scenarios::encode_value(number, size, room);
    return wait(session_.upsert(name_of(key), value, &answer), answer).status == engine::Status::ok;
  }

 private:
  engine::Bytes name_of(uint64_t key) {
    return scenarios::key_bytes(key, scenarios::kEncodedSizeMin, name_);
  }
  engine::OpResult wait(const engine::OpResult& first, const Answer& answer) {
    if (first.status != engine::Status::pending) return first;
    session_.complete_pending(true);
    return answer;
  }

  engine::Session& session_;
  std::array<std::byte, 32> name_{};
};

// Writes the keys of one session, in turn, for ever.
void work(engine::Store& store, Shared& shared, uint64_t id) {
  auto started = store.start_session(session_of(id));
  if (!started) return void(shared.wrong.fetch_add(1));
  Client client(**started);
  const uint64_t first = (id - 1) * kKeysEach;
  for (uint64_t n = 0;; ++n) {
    const uint64_t key = first + n % kKeysEach;
    const uint64_t number = shared.asked[key].load() + 1;
    shared.asked[key].store(number);
    if (!client.write(key, number)) shared.wrong.fetch_add(1);
    if (client.read(key) != number) shared.wrong.fetch_add(1);
    if (n % 16 == 15) {
      if (!store.commit_log()) shared.wrong.fetch_add(1);
      for (uint64_t own = first; own < first + kKeysEach; ++own) {
        shared.durable[own].store(shared.asked[own].load());
      }
    }
    shared.done.fetch_add(1);
  }
}

void take_checkpoints(engine::Store& store, Shared& shared) {
  for (uint64_t n = 0;; ++n) {
    engine::CheckpointRequest request;
    request.log = n % 2 == 0 ? engine::LogCheckpoint::snapshot : engine::LogCheckpoint::fold_over;
    request.index = n % 3 == 0;
    const auto ticket = store.start_checkpoint(request);
    if (!ticket || !store.wait_checkpoint(*ticket)) shared.wrong.fetch_add(1);
  }
}

/// Its process, until it is killed.
pid_t start_child(const std::string& folder, size_t way, bool fast) {
  std::vector<std::string> words = {"ORRERY_TEST_FOLDER=" + folder,
                                    "ORRERY_TEST_WAY=" + std::to_string(way),
                                    std::string("ORRERY_TEST_FAST=") + (fast ? "1" : "0")};
  std::vector<char*> environment;
  for (char** word = environ; *word != nullptr; ++word) environment.push_back(*word);
  for (std::string& word : words) environment.push_back(word.data());
  environment.push_back(nullptr);
  std::string program = "/proc/self/exe";
  std::string name = kChild;
  char* const arguments[] = {program.data(), name.data(), nullptr};
  pid_t child = 0;
  REQUIRE(posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments, environment.data()) ==
          0);
  return child;
}

// What is recovered is what counts from now on: it is durable, and nothing above it was asked for.
void judge(const engine::MachineOptions& options, Shared& shared, bool fast) {
  auto machine = engine::Machine::open(options);
  REQUIRE(machine);
  const engine::Bugs bugs;
  auto store = begin(**machine, fast, bugs);
  REQUIRE(store);
  auto session = (*store)->start_session(session_of(kSessions + 1));
  REQUIRE(session);
  Client client(**session);
  for (uint64_t key = 0; key < kKeys; ++key) {
    const uint64_t number = client.read(key);
    INFO("key " << key << " has " << number);
    REQUIRE(number >= shared.durable[key].load());
    REQUIRE(number <= shared.asked[key].load());
    shared.durable[key].store(number);
    shared.asked[key].store(number);
  }
  (*session)->close();
  (*store)->close();
}

uint64_t durable_sum(const Shared& shared) {
  uint64_t sum = 0;
  for (const auto& number : shared.durable) sum += number.load();
  return sum;
}

}  // namespace

TEST_CASE(kChild, "[.child]") {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const char* const folder = std::getenv("ORRERY_TEST_FOLDER");
  REQUIRE(folder != nullptr);  // or somebody has started it by hand
  const tests::IoWay way = tests::io_ways().at(std::stoul(std::getenv("ORRERY_TEST_WAY")));
  const bool fast = *std::getenv("ORRERY_TEST_FAST") == '1';
  SharedFile shared(folder);
  auto machine = engine::Machine::open(machine_of(folder, way));
  REQUIRE(machine);
  const engine::Bugs bugs;
  auto store = begin(**machine, fast, bugs);
  REQUIRE(store);
  std::atomic<uint64_t> next{0};
  const auto client = [&] { work(**store, *shared, next.fetch_add(1) + 1); };
  const auto admin = [&] { take_checkpoints(**store, *shared); };
  engine::Tasks& tasks = (*machine)->runtime().tasks;
  engine::TaskId last{};
  for (uint64_t i = 0; i < kSessions; ++i) last = tests::start(tasks, {"session", i}, client);
  tests::start(tasks, {"admin", 0}, admin);
  tasks.join(last);
}

TEST_CASE("natively: whoever is killed at work has lost nothing that was durable", "[native]") {
  const std::vector<tests::IoWay> ways = tests::io_ways();
  for (size_t way = 0; way < ways.size(); ++way) {
    const bool fast = way == 1 || way == 2;  // direct or not, with it and without
    const tests::TemporaryFolder folder;
    SharedFile shared(folder.path());
    for (uint64_t life = 0; life < kLives; ++life) {
      INFO(ways[way].name << ", life " << life);
      (*shared).done.store(0);
      const uint64_t before = durable_sum(*shared);
      const pid_t child = start_child(folder.path(), way, fast);
      const uint64_t until = 500 + 700 * life;
      int status = 0;
      pid_t ended = 0;
      while ((*shared).done.load() < until && ended == 0) {
        ended = waitpid(child, &status, WNOHANG);
        usleep(500);
      }
      REQUIRE(ended == 0);
      REQUIRE(kill(child, SIGKILL) == 0);
      REQUIRE(waitpid(child, &status, 0) == child);
      REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));  // and not by itself
      REQUIRE((*shared).wrong.load() == 0);
      REQUIRE(durable_sum(*shared) > before);  // of what this life did
      judge(machine_of(folder.path(), ways[way]), *shared, fast);
    }
  }
}
