// SPDX-License-Identifier: Apache-2.0
#include "bench/ycsb/load.hpp"

#include <array>
#include <chrono>
#include <mutex>

#include "engine/base/check.hpp"

namespace orrery::bench {
namespace {

using Clock = std::chrono::steady_clock;

enum Kind : uint8_t { kRead, kUpsert, kInsert, kScan, kModify };
constexpr uint64_t kKeyMask = (uint64_t{1} << 56) - 1;
constexpr size_t kDrawn = size_t{1} << 21;  // operations, drawn beforehand and done in turns
constexpr size_t kBatchMax = 64;
constexpr uint32_t kScanMax = 100;

uint64_t ns_since(Clock::time_point begun) {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begun).count());
}

Kind kind_of(const Mix& mix, uint64_t percent) {
  if (percent < mix.reads) return kRead;
  if (percent < mix.reads + mix.upserts) return kUpsert;
  if (percent < mix.reads + mix.upserts + mix.inserts) return kInsert;
  if (percent < mix.reads + mix.upserts + mix.inserts + mix.scans) return kScan;
  return kModify;
}

}  // namespace

struct Workers::Worker {
  Worker(Workers& workers, uint64_t place) : all(workers), number(place) {
    draw();
    client = all.engine_.client(number);
  }

  void draw();
  void work();
  void batch(const uint64_t* operations, size_t count);
  void one(Kind kind, uint64_t key);
  uint64_t key_of(uint64_t operation) const;
  /// So many keys of its own are new; then the oldest of them are written again, so that what must
  /// be in memory stays there.
  uint64_t room() const { return std::max<uint64_t>(all.load_.records / 8 / all.load_.threads, 1); }
  uint64_t new_key(uint64_t place) const {
    return all.load_.records + place % room() * all.load_.threads + number;
  }

  Workers& all;
  const uint64_t number;
  std::vector<uint64_t> drawn;
  std::unique_ptr<Client> client;
  uint64_t inserted = 0;
  uint64_t salt = 0;
  std::mutex mutex;  // of what follows, for as long as a few batches
  uint64_t done = 0;
  Latencies reads, writes;
  std::thread thread;
};

void load_records(Engine& engine, uint64_t count) {
  const auto client = engine.client(0);
  for (uint64_t key = 0; key < count; ++key) client->upsert(key, 0);
  client->finish();
  CHECK(client->wrong == 0, "{} of {} records were not written", client->wrong, count);
  engine.settle();
}

// A rank, where the key depends on what was inserted by then.
void Workers::Worker::draw() {
  const Load& load = all.load_;
  Draw source(number + 1);
  const bool law = load.keys != Keys::uniform || load.mix.latest;
  const Zipf zipf(law ? load.records : 2, load.theta);
  drawn.resize(kDrawn);
  for (uint64_t& operation : drawn) {
    uint64_t key = source.below(load.records);
    if (load.keys == Keys::zipf) key = zipf.key(source);
    if (load.mix.latest) key = zipf.rank(source);
    operation = key | uint64_t{kind_of(load.mix, source.below(100))} << 56;
  }
}

uint64_t Workers::Worker::key_of(uint64_t operation) const {
  const Load& load = all.load_;
  const uint64_t key = operation & kKeyMask;
  if (operation >> 56 == kInsert) return new_key(inserted);
  if (!load.mix.latest) return key;
  const uint64_t mine = std::min(inserted, room());
  if (key >= mine) return load.records - 1 - std::min(key - mine, load.records - 1);
  return new_key(inserted - 1 - key);
}

void Workers::Worker::work() {
  const size_t at_once = all.load_.timed ? 1 : all.load_.batch;
  for (size_t at = 0; !all.stop_.load(std::memory_order_relaxed);) {
    const std::lock_guard lock(mutex);
    for (int turn = 0; turn < 16; ++turn) {
      batch(&drawn[at], at_once);
      at = at + 2 * at_once <= kDrawn ? at + at_once : 0;
    }
    done += 16 * at_once;
  }
  client->finish();
}

void Workers::Worker::batch(const uint64_t* operations, size_t count) {
  std::array<uint64_t, kBatchMax> keys;
  bool only_reads = true;
  for (size_t i = 0; i < count; ++i) {
    keys[i] = key_of(operations[i]);
    only_reads = only_reads && operations[i] >> 56 == kRead;
  }
  if (count > 1) client->announce({keys.data(), count}, only_reads);
  for (size_t i = 0; i < count; ++i) {
    const auto kind = static_cast<Kind>(operations[i] >> 56);
    // An insert before it in the batch has taken the key that it was told.
    const uint64_t key = kind == kInsert ? key_of(operations[i]) : keys[i];
    if (!all.load_.timed) {
      one(kind, key);
      continue;
    }
    const auto begun = Clock::now();
    one(kind, key);
    (kind == kRead || kind == kScan ? this->reads : writes).add(ns_since(begun));
  }
}

void Workers::Worker::one(Kind kind, uint64_t key) {
  switch (kind) {
    case kRead: return client->read(key);
    case kUpsert: return client->upsert(key, ++salt & 0xFF);
    case kInsert: ++inserted; return client->upsert(key, 0);
    case kScan: return client->scan(key, static_cast<uint32_t>(1 + key % kScanMax));
    case kModify: return client->modify(key);
  }
}

Workers::Workers(Engine& engine, const Load& load) : engine_(engine), load_(load) {
  CHECK(load.batch >= 1 && load.batch <= kBatchMax, "batches of {}", load.batch);
  for (uint32_t i = 0; i < load.threads; ++i) {
    workers_.push_back(std::make_unique<Worker>(*this, i));
  }
  for (auto& worker : workers_) {
    worker->thread = std::thread([&worker = *worker] { worker.work(); });
  }
}

Workers::~Workers() {
  stop_ = true;
  uint64_t wrong = 0;
  for (auto& worker : workers_) {
    worker->thread.join();
    wrong += worker->client->wrong;
  }
  CHECK(wrong == 0, "{}: {} operations went wrong", engine_.name(), wrong);
}

void Workers::begin_window() {
  for (auto& worker : workers_) {
    const std::lock_guard lock(worker->mutex);
    worker->done = 0;
    worker->reads = worker->writes = {};
  }
}

uint64_t Workers::operations() {
  uint64_t sum = 0;
  for (auto& worker : workers_) {
    const std::lock_guard lock(worker->mutex);
    sum += worker->done;
  }
  return sum;
}

Window Workers::measure(const std::function<void()>& until) {
  begin_window();
  const auto begun = Clock::now();
  until();
  // On a machine that is busy with others, a short window may have seen nobody work.
  while (operations() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  Window window;
  window.seconds = static_cast<double>(ns_since(begun)) / 1e9;
  for (auto& worker : workers_) {
    const std::lock_guard lock(worker->mutex);
    window.operations += worker->done;
    window.reads.add(worker->reads);
    window.writes.add(worker->writes);
  }
  return window;
}

Window Workers::measure(double seconds) {
  return measure([&] { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); });
}

}  // namespace orrery::bench
