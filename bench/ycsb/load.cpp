// SPDX-License-Identifier: Apache-2.0
#include "bench/ycsb/load.hpp"

#include <array>
#include <chrono>

#include "engine/base/check.hpp"

namespace orrery::bench {
namespace {

enum Kind : uint8_t { kRead, kUpsert, kInsert, kScan, kModify };
constexpr uint64_t kKeyMask = (uint64_t{1} << 56) - 1;
constexpr size_t kDrawn = size_t{1} << 21;  // operations, drawn beforehand and done in turns
constexpr size_t kBatchMax = 64;
constexpr size_t kTurn = 16;  // operations, or a batch, that a window has at least of each thread
constexpr uint32_t kThreadsMax = 64;
constexpr uint32_t kScanMax = 100;

uint64_t ns_since(Clock::time_point begun) {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begun).count());
}

// What a thread did in a window.
struct Tally {
  Clock::time_point begun = Clock::now();
  double seconds = 0;  // at its end
  uint64_t done = 0;
  Latencies reads, writes;
};

Kind kind_of(const Mix& mix, uint64_t percent) {
  if (percent < mix.reads) return kRead;
  if (percent < mix.reads + mix.upserts) return kUpsert;
  if (percent < mix.reads + mix.upserts + mix.inserts) return kInsert;
  if (percent < mix.reads + mix.upserts + mix.inserts + mix.scans) return kScan;
  return kModify;
}

}  // namespace

double seconds_since(Clock::time_point begun) { return static_cast<double>(ns_since(begun)) / 1e9; }

struct Workers::Worker {
  Worker(Workers& workers, uint64_t place) : all(workers), number(place) {
    draw();
    client = all.engine_.client(number);
    if (all.load_.timed) client->late = &now.reads;
  }

  void draw();
  void work();
  void batch(const uint64_t* operations, size_t count);
  void turn_over(uint32_t next);
  bool one(Kind kind, uint64_t key);
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
  Tally now;
  Tally last;                       // of the window before, once this one is told
  std::atomic<uint32_t> window{0};  // that `now` belongs to
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
  Draw source(load.seed * kThreadsMax + number + 1);
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

// A window ends for each thread between two turns of its own, and nobody holds it up for that: a
// thread that hurries back to its work would let nobody else in.
void Workers::Worker::work() {
  const size_t at_once = all.load_.timed ? 1 : all.load_.batch;
  for (size_t at = 0; !all.stop_.load(std::memory_order_relaxed);) {
    for (size_t done = 0; done < kTurn; done += at_once) {
      batch(&drawn[at], at_once);
      now.done += at_once;
      at = at + 2 * at_once <= kDrawn ? at + at_once : 0;
    }
    const uint32_t next = all.window_.load(std::memory_order_relaxed);
    if (next != window.load(std::memory_order_relaxed)) turn_over(next);
  }
  client->finish();
}

void Workers::Worker::turn_over(uint32_t next) {
  now.seconds = seconds_since(now.begun);
  last = now;
  now = {};
  window.store(next, std::memory_order_release);
  window.notify_one();
}

// A read that ends later is counted by the client then.
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
    client->begun = Clock::now();
    if (one(kind, key)) {
      (kind == kRead || kind == kScan ? now.reads : now.writes).add(ns_since(client->begun));
    }
    client->poll();
  }
}

// Whether it has ended.
bool Workers::Worker::one(Kind kind, uint64_t key) {
  switch (kind) {
    case kRead: return client->read(key);
    case kUpsert: client->upsert(key, ++salt & 0xFF); break;
    case kInsert:
      ++inserted;
      client->upsert(key, 0);
      break;
    case kScan: client->scan(key, static_cast<uint32_t>(1 + key % kScanMax)); break;
    case kModify: client->modify(key); break;
  }
  return true;
}

Workers::Workers(Engine& engine, const Load& load) : engine_(engine), load_(load) {
  CHECK(load.batch >= 1 && load.batch <= kBatchMax, "batches of {}", load.batch);
  CHECK(load.threads <= kThreadsMax, "{} threads", load.threads);
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

// Comes back when each thread is in it.
void Workers::next_window() {
  const uint32_t before = window_.fetch_add(1);
  for (auto& worker : workers_) worker->window.wait(before, std::memory_order_acquire);
}

Window Workers::measure(const std::function<void()>& until) {
  next_window();
  const auto begun = Clock::now();
  until();
  Window window;
  window.seconds = seconds_since(begun);
  next_window();
  for (auto& worker : workers_) {
    const Tally& tally = worker->last;
    window.per_thread += static_cast<double>(tally.done) / tally.seconds / load_.threads / 1e6;
    window.reads.add(tally.reads);
    window.writes.add(tally.writes);
  }
  return window;
}

Window Workers::measure(double seconds) {
  return measure([&] { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); });
}

}  // namespace orrery::bench
