// SPDX-License-Identifier: Apache-2.0
// Campaigns for tests: players that do what a test wants of them, also to die, and a watcher that
// remembers.
#pragma once

#include <signal.h>
#include <sys/mman.h>

#include <string>
#include <utility>
#include <vector>

#include "fuzz/campaign.hpp"
#include "sim/hash.hpp"

namespace orrery::fuzz {

using reports::RunRow;

/// Plays a run by calling a function.
class FunctionPlayer final : public Player {
 public:
  explicit FunctionPlayer(std::function<void(RunRow&)> body) : body_(std::move(body)) {}
  RunRow play(uint64_t index) override {
    RunRow row;
    row.index = index;
    row.seed = 1000 + index;
    row.digest = sim::scramble(index);
    body_(row);
    return row;
  }

 private:
  std::function<void(RunRow&)> body_;
};

inline CampaignOrder order_of(uint64_t runs, unsigned workers, std::function<void(RunRow&)> body) {
  CampaignOrder order;
  order.runs_max = runs;
  order.workers = workers;
  order.player = [body = std::move(body)] { return std::make_unique<FunctionPlayer>(body); };
  order.seed_of = [](uint64_t index) { return 1000 + index; };
  return order;
}

/// Remembers the rows.
class Listener : public Watcher {
 public:
  void on_row(const RunRow& row) override {
    rows.push_back(row);
    if (interrupt_at == row.index) raise(SIGINT);
  }
  void on_last_words(const RunRow& row, const std::string& words) override {
    last_words.emplace_back(row.index, words);
  }
  void on_tick(const Campaign&, double) override {}
  std::vector<RunRow> rows;
  std::vector<std::pair<uint64_t, std::string>> last_words;
  uint64_t interrupt_at = kNoRun;
};

/// A count that all processes share.
class SharedCount {
 public:
  SharedCount()
      : count_(static_cast<int*>(mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE,
                                      MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~SharedCount() { munmap(count_, sizeof(int)); }
  SharedCount(const SharedCount&) = delete;
  SharedCount& operator=(const SharedCount&) = delete;
  int& value() { return *count_; }
  /// One more, whoever else counts; returns what it was before.
  int add() { return __atomic_fetch_add(count_, 1, __ATOMIC_SEQ_CST); }

 private:
  int* count_;
};

/// Whether there is one row for each run below `count`, in order, but for the run `missing`.
inline bool complete_but(const Listener& listener, uint64_t count, uint64_t missing) {
  std::vector<uint64_t> wanted;
  for (uint64_t i = 0; i < count; ++i) {
    if (i != missing) wanted.push_back(i);
  }
  std::vector<uint64_t> got;
  for (const RunRow& row : listener.rows) got.push_back(row.index);
  return got == wanted;
}

inline bool complete(const Listener& listener, uint64_t count) {
  return complete_but(listener, count, kNoRun);
}

}  // namespace orrery::fuzz
