// SPDX-License-Identifier: Apache-2.0
// Writing the index for a checkpoint: every bucket, then every overflow bucket, to one file.
//
// The writer is a task of its own. It copies a chunk of buckets word by word while operations go
// on, writes it, and takes the next: what it writes is no moment of the index, and need not be
// (engine-spec 5.8, 6.4). Whoever loads it walks the log from `start` on, and so finds all that was
// linked since. It begins from an epoch action, when every session knows that an index checkpoint
// is on: from then on nobody takes a record out of its chain.
#pragma once

#include "engine/runtime/runtime.hpp"
#include "engine/runtime/sync.hpp"
#include "engine/store/bugs.hpp"
#include "engine/store/epoch.hpp"
#include "engine/store/hash_index.hpp"
#include "engine/store/metadata.hpp"
#include "engine/store/options.hpp"
#include "engine/store/outstanding.hpp"

namespace orrery::engine {

class IndexWriter {
 public:
  IndexWriter(const Runtime& runtime, EpochTable& epoch, HashIndex& index, const Bugs& bugs)
      : runtime_(runtime), epoch_(epoch), index_(index), bugs_(bugs), outstanding_(runtime.tasks) {}

  /// `options` outlives the writer. Each end is followed by changed.set().
  void initialise(const StoreOptions& options, Event& changed);

  /// Opens the file of the token. If it went well, start() follows. `start` is the tail. Errors:
  /// those of the storage, no_memory.
  Result<void> open(uint64_t token, uint64_t version, LogAddr start);
  /// Requires: protected; everybody who looks sees that an index checkpoint is on.
  void start(Self& self);
  bool finished() const { return running_.load() == 0; }
  /// Requires: finished(). The error, if there was one.
  Result<void> outcome() const;
  /// Makes the table durable, then its metadata. Requires: finished, well; not protected. `final`
  /// is a tail since. The names are the caller's to sync.
  Result<void> commit(LogAddr final);
  /// Closes the file, if it is open. Requires: finished.
  void close();

  const IndexInfo& info() const { return info_; }
  void wait_until_idle() { outstanding_.wait_for_none(); }

 private:
  static void begin(void* writer, int64_t argument, Self& self);
  static void run_task(void* writer);
  void run();
  Result<void> write_buckets();
  void end(Errc code);

  Runtime runtime_;
  EpochTable& epoch_;
  HashIndex& index_;
  const Bugs& bugs_;
  const StoreOptions* options_ = nullptr;
  Event* changed_ = nullptr;
  IndexInfo info_;
  Device* device_ = nullptr;
  Array<std::byte> buffer_;
  Atomic<Errc> error_{Errc::ok};
  Atomic<uint32_t> running_{0};
  Outstanding outstanding_;
};

}  // namespace orrery::engine
