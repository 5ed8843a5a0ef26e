// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/real/killed_child.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "tests/engine/real/io_methods.hpp"
#include "tests/engine/real/temporary_folder.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

extern char** environ;

namespace orrery::tests {

pid_t spawn_test_case(const char* test_case, std::vector<std::string> words,
                      const posix_spawn_file_actions_t* actions) {
  std::vector<char*> environment;
  for (char** word = environ; *word != nullptr; ++word) environment.push_back(*word);
  for (std::string& word : words) environment.push_back(word.data());
  environment.push_back(nullptr);
  std::string program = "/proc/self/exe";
  std::string name = test_case;
  char* const arguments[] = {program.data(), name.data(), nullptr};
  pid_t child = 0;
  REQUIRE(posix_spawn(&child, program.c_str(), actions, nullptr, arguments, environment.data()) ==
          0);
  return child;
}

pid_t start_child(const char* test_case, const Orders& orders) {
  return spawn_test_case(
      test_case,
      {"ORRERY_TEST_FOLDER=" + orders.folder, "ORRERY_TEST_WAY=" + std::to_string(orders.way),
       std::string("ORRERY_TEST_FAST=") + (orders.fast ? "1" : "0"),
       std::string("ORRERY_TEST_SMALL=") + (orders.small ? "1" : "0"),
       "ORRERY_TEST_NUMBER=" + std::to_string(orders.number),
       std::string("ORRERY_TEST_LOGGED=") + (orders.logged ? "1" : "0")},
      nullptr);
}

Orders orders_of_child() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const char* const folder = std::getenv("ORRERY_TEST_FOLDER");
  REQUIRE(folder != nullptr);  // or somebody has started it by hand
  return {folder,
          std::stoul(std::getenv("ORRERY_TEST_WAY")),
          *std::getenv("ORRERY_TEST_FAST") == '1',
          *std::getenv("ORRERY_TEST_SMALL") == '1',
          std::stoul(std::getenv("ORRERY_TEST_NUMBER")),
          *std::getenv("ORRERY_TEST_LOGGED") == '1'};
}

void end_child() { std::_Exit(0); }

void kill_at_work(pid_t child, const std::atomic<uint64_t>& done, uint64_t until) {
  int status = 0;
  pid_t ended = 0;
  while (done.load() < until && ended == 0) {
    ended = waitpid(child, &status, WNOHANG);
    usleep(500);
  }
  REQUIRE(ended == 0);
  REQUIRE(kill(child, SIGKILL) == 0);
  REQUIRE_FALSE(wait_for_child(child));
}

bool wait_for_child(pid_t child) {
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return false;
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
  return true;
}

engine::MachineOptions machine_of(const Orders& orders) {
  const IoWay way = io_ways().at(orders.way);
  return {orders.folder + "/devices", 4, way.method, way.direct, false};
}

engine::StoreOptions store_of(const Orders& orders) {
  engine::StoreOptions options;
  options.page_bits = 10;
  options.memory_bits = orders.small ? 11 : 13;
  options.mutable_permille = 500;
  options.index_bits = 3;
  options.segment_bits = 16;
  options.epoch_slots = 32;
  options.checkpoints_kept = 1;
  options.log_operations = orders.logged;
  options.log_page_bits = 10;
  options.log_memory_bits = 13;
  options.log_fast_commit = orders.fast;
  return options;
}

engine::Result<engine::Owned<engine::Store>> begin_store(const engine::Runtime& runtime,
                                                         const Orders& orders,
                                                         const engine::Bugs& bugs) {
  auto recovered = engine::Store::recover(runtime, store_of(orders), bugs);
  if (recovered || recovered.error().code != engine::Errc::not_found) return recovered;
  return engine::Store::open(runtime, store_of(orders), bugs);
}

void take_checkpoint(engine::Store& store, uint64_t n, std::atomic<uint64_t>& wrong) {
  engine::CheckpointRequest request;
  request.log = n % 2 == 0 ? engine::LogCheckpoint::snapshot : engine::LogCheckpoint::fold_over;
  request.index = n % 3 == 0;
  const auto ticket = store.start_checkpoint(request);
  if (!ticket || !store.wait_checkpoint(*ticket)) wrong.fetch_add(1);
}

void take_checkpoints(engine::Store& store, std::atomic<uint64_t>& wrong) {
  for (uint64_t n = 0;; ++n) take_checkpoint(store, n, wrong);
}

void live_in_every_way(uint64_t lives,
                       const std::function<void(const Orders& orders, uint64_t life)>& one) {
  const std::vector<IoWay> ways = io_ways();
  for (size_t way = 0; way < ways.size(); ++way) {
    const TemporaryFolder folder;
    const Orders orders{folder.path(), way, way == 1 || way == 2};
    for (uint64_t life = 0; life < lives; ++life) {
      INFO(ways[way].name << ", life " << life);
      one(orders, life);
    }
  }
}

std::string shared_path(const std::string& folder) { return folder + "/shared"; }

void* map_shared(const std::string& path, size_t size) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  REQUIRE(file >= 0);
  REQUIRE(ftruncate(file, static_cast<off_t>(size)) == 0);
  void* const at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  REQUIRE(at != MAP_FAILED);
  close(file);
  return at;
}

}  // namespace orrery::tests
