// SPDX-License-Identifier: Apache-2.0
// What every scenario with a store shares: the sizes of a store and its world, and clients.
//
// A client does one operation at a time, writes down what it asked and saw, and never looks at a
// switch or at the world. Its objects live on its task's stack and in the store's memory, so that a
// run may be dropped at any point without a leak in the harness.
#pragma once

#include <array>

#include "engine/store/store.hpp"
#include "scenarios/scenario.hpp"

namespace orrery::scenarios {

inline constexpr int64_t kWidthMin = 8;

/// The sizes of a store and of the world around it.
inline constexpr auto kStoreSizes = std::to_array<SizeRow>({
    {"page_bits", 6, 30, 9, "a page is 2^page_bits bytes"},
    {"ring_bits", 1, 16, 4, "the ring has 2^ring_bits pages"},
    {"empty_pages", 0, 65535, 0, "pages of the ring that are kept unused"},
    {"mutable_permille", 0, 1000, 900, "share of the pages in memory that stay mutable"},
    {"index_bits", 0, 20, 6, "the hash index has 2^index_bits buckets"},
    {"width_bits", kWidthMin, 64, 64, "width of the integer in which garnet-385 computes"},
    {"sector_bits", 3, 12, 9, "a sector is 2^sector_bits bytes"},
    {"throttle_ms", -1, 10, 0, "-1 inline; 0 one page in flight; above, a pause a page"},
    {"barrier", 0, 1, 0, "1: no operation of a version overlaps one of the next"},
    {"keep_frames", 0, 1, 1, "1: frames are renewed in place; 0: given back and unmapped"},
    {"null_main", 0, 1, 0, "1: the log is a cache without a device"},
    {"parked_max", 0, 64, 4, "evicted pages that snapshot writes may keep alive"},
    {"kept", 0, 16, 0, "checkpoints that are kept; 0: all"},
    {"copy_reads", 0, 2, 0,
     "1: reads copy to the tail from the device; 2: from read-only pages, too"},
    {"io_attempts", 1, 16, 3, "how often a request to the main log is made before it has failed"},
    {"retry_us", 0, 1000000, 0, "virtual microseconds between two of these attempts"},
    {"point_ns", 1, 1000, 20, "virtual time of one point"},
    {"io_points", 1, 1000000, 200, "nominal latency of a request, in points"},
    {"queue_depth", 1, 256, 32, "requests in service at once"},
    {"step_budget", 1000, 1000000000, 4000000, "steps after which faults stop and turns are fair"},
    {"script", 0, INT64_MAX, 1, "names the clients' workload"},
});

/// The sizes of a store, then those of a scenario.
template <size_t N>
constexpr std::array<SizeRow, kStoreSizes.size() + N> with_store_sizes(
    const std::array<SizeRow, N>& own) {
  return joined(kStoreSizes, own);
}

/// Sets all store sizes to their calm values.
void set_calm_store(Sizes& sizes);

/// For a scenario whose requests may fail. Takes nothing of the seed that draws the other sizes.
/// Requires: the script is drawn.
void draw_retries(Sizes& sizes);
/// Sometimes turns are fair early, for who gets into step with somebody else. Takes nothing of the
/// seed either.
/// Requires: the script is drawn.
void draw_fair_turns(Sizes& sizes);
engine::RetryPolicy retries_of(const Sizes& sizes);

/// What a checkpoint or a recovery takes of points for a record or an entry, at most: see Pace.
inline constexpr uint64_t kPointsOfRecord = 500;

engine::StoreOptions store_options(const Sizes& sizes);
sim::Laws store_laws(const Sizes& sizes);
/// Why a store cannot be opened with these sizes, or cannot take the largest value of a scenario
/// that has one; empty if it can.
std::string unfit_store(const Sizes& sizes);

/// Pages between ro and head when the cache is full and at rest (engine-spec 1.2: K).
int64_t read_only_pages(const Sizes& sizes);

/// Widens width_bits until a distance of so many pages is a positive number in it.
void keep_wide(Sizes& sizes, int64_t pages);

/// The bytes of a key, as every client writes it.
engine::Bytes encoded_key(uint64_t key, engine::MutableBytes room);

/// The largest value a client writes.
inline constexpr size_t kValueMax = 2048;
inline constexpr size_t kKeyMax = 32;

class Client {
 public:
  /// The session was started with options_for(). Both outlive the client.
  Client(Stage& stage, engine::Session& session, uint32_t id)
      : stage_(stage), session_(&session), id_(id), written_(uint64_t{stage.life} << 32) {}
  /// Goes on with another session of the same id.
  void go_on_with(engine::Session& session) { session_ = &session; }

  static engine::SessionOptions options_for(uint32_t id);

  void upsert(uint64_t key, size_t size);
  /// The value may get another size, up to `size_max` bytes.
  void add(uint64_t key, uint64_t amount, size_t size_max);
  /// True if there was an answer: a value, or that there is none.
  bool read(uint64_t key);
  void erase(uint64_t key);

  /// Operations that have had an answer, whichever it was.
  uint64_t answered() const { return answered_; }

 private:
  /// An operation on its way; lives on the stack of the call that waits for it.
  struct Asked {
    bool answered = false;
    engine::OpResult result;
  };
  size_t begin(OpKind kind, uint64_t key, uint64_t argument);
  engine::OpResult wait(const engine::OpResult& first, Asked& asked);
  void end(size_t index, const engine::OpResult& result, uint64_t number, bool garbage);
  static void completed(void* context, const engine::OpResult& result);

  Stage& stage_;
  engine::Session* session_;
  uint32_t id_;
  uint64_t written_;  // makes every number of this client new, in whichever life
  uint64_t answered_ = 0;
};

/// Starts a checkpoint and waits for its end. What the client was told is noted. Errors: those of
/// the two calls.
engine::Result<engine::CheckpointResult> take_checkpoint(
    Stage& stage, engine::Store& store, const engine::CheckpointRequest& request = {});

/// The second half of that.
engine::Result<engine::CheckpointResult> wait_for_checkpoint(
    Stage& stage, engine::Store& store, engine::CheckpointTicket ticket,
    const engine::CheckpointRequest& request);

/// What a client does, in parts of a hundred; the rest are reads.
struct Mix {
  uint64_t upserts = 60;
  uint64_t adds = 15;
  uint64_t erases = 5;
  uint64_t keys = 64;
  size_t size_max = 64;  // of a value
};

/// One operation of a script: the n-th of this client.
void do_scripted(Client& client, const Mix& mix, uint64_t script, uint32_t id, uint64_t n);

}  // namespace orrery::scenarios
