// SPDX-License-Identifier: Apache-2.0
#include "fuzz/worker.hpp"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <new>

#include "engine/base/check.hpp"

namespace orrery::fuzz {
namespace {

constexpr int kHarnessFailure = 5;

void send(int pipe, const reports::RunRow& row);

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
  shared_->last.store(UINT64_MAX);
  shared_->stop.store(false);
  for (std::atomic<uint64_t>& now : shared_->now) now.store(kNoRun);
  sometimes_ =
      reinterpret_cast<std::atomic<uint64_t>*>(static_cast<std::byte*>(block) + sizeof(Shared));
  for (size_t i = 0; i < count_; ++i) new (&sometimes_[i]) std::atomic<uint64_t>(0);
}

SharedMemory::~SharedMemory() { munmap(shared_, size_); }

void work(const WorkerOrder& order, SharedMemory& memory, const MakePlayer& make) {
  Shared& shared = memory.shared();
  SometimesSender sometimes(memory.sometimes());
  const std::unique_ptr<Player> player = make();
  for (uint64_t index = order.first; index < order.runs_max; index += order.stride) {
    if (shared.stop.load() || index > shared.last.load()) break;
    shared.now[order.number].store(index);
    reports::RunRow row = player->play(index);
    row.index = index;
    sometimes.send();
    send(order.pipe, row);
  }
  // No destructor of the parent's objects may run here.
  _exit(0);
}

namespace {

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
