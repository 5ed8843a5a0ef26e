// SPDX-License-Identifier: Apache-2.0
// Writing a snapshot: the pages from its start to its final address, each to its place in a file.
//
// The writer starts from an epoch action, so that every task that was inside when `final` was read
// has finished the record it had allocated below. A page below safe_ro is written from its frame,
// which is pinned for that long; one that reaches above is copied first, because sessions of the
// next version still append to it. A page that eviction took before its turn is left out: what it
// held is on the main device, or, in a cache, gone. Each page is counted down exactly once, and the
// first error of any of them is the outcome of the whole.
//
// One writer serves all checkpoints of a store, one after the other.
#pragma once

#include "engine/store/hybrid_log.hpp"
#include "engine/store/metadata.hpp"
#include "engine/store/page_table.hpp"
#include "engine/store/window.hpp"

namespace orrery::engine {

class SnapshotWriter;

/// One page on its way to the snapshot device.
struct SnapshotPage {
  Io io;
  SnapshotWriter* writer = nullptr;
  int64_t page = 0;
  LogAddr from = 0;
  LogAddr until = 0;
  Pin pin = Pin::evicted;
  std::byte* copy = nullptr;  // where the page was copied to, if it was
};

class SnapshotWriter {
 public:
  SnapshotWriter(const Runtime& runtime, EpochTable& epoch, HybridLog& log, const Bugs& bugs)
      : runtime_(runtime),
        epoch_(epoch),
        log_(log),
        bugs_(bugs),
        tokens_(runtime.tasks),
        outstanding_(runtime.tasks) {}

  void initialise(const StoreOptions& options, Event& changed);

  /// Fixes the end of the snapshot at the present tail, and pins the page that holds it. A page
  /// that is only in part in the checkpoint must be in its file: the main log goes on in the rest
  /// of it. Requires: protected. Followed by begin(), or by release_final().
  LogAddr fix_final();
  void release_final();

  /// Starts to write [start, final), of which `start` may lie anywhere in its page, to `device`.
  /// Returns where the file really starts: at `start`, or earlier if that is too late for the last
  /// page. Of the checkpoint its version, start and begin are known. Requires: protected; the
  /// previous snapshot has finished; final is fixed. Errors: no_memory; then release_final() is
  /// due.
  Result<LogAddr> begin(Self& self, LogAddr start, const CheckpointInfo& checkpoint,
                        Device& device);

  /// True once every page is counted down and no task of the writer runs any more. Each change of
  /// it is followed by changed.set().
  bool finished() const { return done_.load() != 0 && running_.load() == 0; }
  /// Requires: finished(). The first error, if there was one.
  Result<void> outcome() const;

  /// What became of each page. Requires: finished().
  const PageTable& pages() const { return pages_; }

  void wait_until_idle() { outstanding_.wait_for_none(); }

  /// No page is begun from now on: a snapshot under way ends with Errc::cancelled.
  void cancel() { cancelled_.store(1); }

 private:
  static constexpr int64_t kCopyChunk = 64 * 1024;

  enum class Written : uint8_t { submitted, left_out };

  static void start(void* writer, int64_t argument, Self& self);
  static void run_task(void* writer);
  void run(Self& self);
  void run_pages(Self& self);
  void stop_running();
  Result<Written> write_page(Self& self, int64_t page);
  Result<SnapshotPage*> make_request(int64_t page, Pin pin, const Frame* frame, bool copy);
  Result<void> copy_page(SnapshotPage& request, const Frame* frame);
  void copy_bytes(int64_t page, const Frame* frame, MutableBytes target);
  void note_checksum(const SnapshotPage& request, const Frame* frame);

  static void write_done(Io& io);
  void snapshot_page_done(SnapshotPage& request, Errc code);
  void walk(const SnapshotPage& request);
  void walk_window(const SnapshotPage& request, WalkWindow window, bool bounded);
  bool is_in_snapshot(LogAddr address, RecordHeader header) const;
  bool clear_dirty(PageRef at, RecordHeader header);
  void free_request(SnapshotPage& request);
  void complete_page(int64_t page, Errc code);
  void count_down(int64_t pages);
  void fail(Errc code);
  bool throttled() const { return throttle_ms_ >= 0; }

  Runtime runtime_;
  EpochTable& epoch_;
  HybridLog& log_;
  const Bugs& bugs_;
  Event* changed_ = nullptr;
  int32_t throttle_ms_ = 0;
  uint32_t width_bits_ = 32;
  bool checksums_ = true;

  // The snapshot that is being written. Fixed before the first page.
  Device* device_ = nullptr;
  uint64_t version_ = 0;
  int64_t first_page_ = 0;
  int64_t end_page_ = 0;
  LogAddr final_ = 0;
  LogAddr fuzzy_start_ = 0;
  LogAddr exists_from_ = 0;       // what is lower no recovery from this checkpoint looks at
  Pin final_pin_ = Pin::evicted;  // of the page that holds `final_`, until that page is written
  const Frame* final_frame_ = nullptr;
  PageTable pages_;
  Array<std::byte> scratch_;  // a page, to take the checksum of one that is written from its frame

  Atomic<int64_t> pages_left_{0};
  Atomic<uint32_t> done_{1};     // every page is counted down
  Atomic<uint32_t> running_{0};  // the loop over the pages has not ended
  Atomic<Errc> error_{Errc::ok};
  Semaphore tokens_;  // one for each page that is counted down, if throttled
  Atomic<uint32_t> cancelled_{0};
  Outstanding outstanding_;
};

}  // namespace orrery::engine
