// SPDX-License-Identifier: Apache-2.0
#include "fuzz/worker.hpp"

#include <errno.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <new>

#include "engine/base/check.hpp"
#include "fuzz/interrupts.hpp"
#include "fuzz/out_of_memory.hpp"
#include "fuzz/standstill.hpp"

namespace orrery::fuzz {
namespace {

constexpr timespec kBetweenClaims{0, 1'000'000};  // of one that is too far ahead

void send(int pipe, const reports::RunRow& row);
uint64_t claim(const WorkerOrder& order, Shared& shared);
int64_t cpu_ns();

/// Adds what this process has counted since the last time to the counts of all.
class SometimesSender {
 public:
  explicit SometimesSender(std::span<std::atomic<uint64_t>> shared) : shared_(shared) {
    for (const engine::Sometimes* one : engine::all_sometimes()) sent_.push_back(one->hits->load());
  }
  void send() {
    const auto all = engine::all_sometimes();
    for (size_t i = 0; i < all.size(); ++i) {
      const uint64_t hits = all[i]->hits->load(std::memory_order_relaxed);
      if (hits == sent_[i]) continue;
      shared_[i].fetch_add(hits - sent_[i], std::memory_order_relaxed);
      sent_[i] = hits;
    }
  }

 private:
  std::span<std::atomic<uint64_t>> shared_;
  std::vector<uint64_t> sent_;
};

}  // namespace

SharedMemory::SharedMemory() : count_(engine::all_sometimes().size()) {
  size_ = sizeof(Shared) + count_ * sizeof(std::atomic<uint64_t>);
  void* const block =
      mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(block != MAP_FAILED, "no memory to share with the workers");
  shared_ = new (block) Shared();
  shared_->next.store(0);
  shared_->last.store(UINT64_MAX);
  shared_->limit.store(UINT64_MAX);
  shared_->stop.store(false);
  for (std::atomic<uint64_t>& now : shared_->now) now.store(kNoRun);
  sometimes_ =
      reinterpret_cast<std::atomic<uint64_t>*>(static_cast<std::byte*>(block) + sizeof(Shared));
  for (size_t i = 0; i < count_; ++i) new (&sometimes_[i]) std::atomic<uint64_t>(0);
}

SharedMemory::~SharedMemory() { munmap(shared_, size_); }

void work(const WorkerOrder& order, SharedMemory& memory, LastWords& last_words,
          const MakePlayer& make) noexcept {
  deaf_to_interrupts();
  end_without_memory();
  last_words.listen();
  watch_for_standstill(order.still_ms);
  Shared& shared = memory.shared();
  SometimesSender sometimes(memory.sometimes());
  const std::unique_ptr<Player> player = make();
  uint64_t index = order.again != kNoRun ? order.again : claim(order, shared);
  for (; index != kNoRun; index = claim(order, shared)) {
    const int64_t before = cpu_ns();
    reports::RunRow row = player->play(index);
    row.index = index;
    row.cpu_ns = cpu_ns() - before;
    sometimes.send();
    last_words.pass_on();
    send(order.pipe, row);
  }
  last_words.pass_on();
  // No destructor of the parent's objects may run here.
  _exit(0);
}

int64_t steady_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

namespace {

// The index is noted first: killed in between, a worker leaves behind a run that is played twice at
// worst, and never one that nobody plays. The time is noted before the index, so that no run looks
// older than it is. Too far ahead, a worker waits in no run.
uint64_t claim(const WorkerOrder& order, Shared& shared) {
  uint64_t index = shared.next.load();
  for (;;) {
    if (index >= order.end || index > shared.last.load() || shared.stop.load()) break;
    if (index >= shared.limit.load()) {
      shared.now[order.number].store(kNoRun);
      nanosleep(&kBetweenClaims, nullptr);
      index = shared.next.load();
      continue;
    }
    shared.since[order.number].store(steady_ms());
    shared.now[order.number].store(index);
    if (shared.next.compare_exchange_weak(index, index + 1)) return index;
  }
  shared.now[order.number].store(kNoRun);
  return kNoRun;
}

// That this process has used.
int64_t cpu_ns() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
}

// A row is smaller than PIPE_BUF, so it arrives whole or not at all.
void send(int pipe, const reports::RunRow& row) {
  static_assert(sizeof row <= 4096);
  for (;;) {
    const ssize_t sent = write(pipe, &row, sizeof row);
    if (sent == static_cast<ssize_t>(sizeof row)) return;
    if (sent < 0 && errno == EINTR) continue;
    _exit(kHarnessFailure);  // the supervisor is gone
  }
}

}  // namespace
}  // namespace orrery::fuzz
