// SPDX-License-Identifier: Apache-2.0
#include "scenarios/store_stage.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/store/record.hpp"
#include "scenarios/ledger.hpp"

namespace orrery::scenarios {
namespace {

// The keys of a run have lengths of their own, always the same for the same key.
size_t key_size(uint64_t key) {
  return kEncodedSizeMin + sim::scramble(key) % (kKeyLongest - kEncodedSizeMin + 1);
}

// A checkpoint and a recovery are one operation each, however large the index, and however many
// records there are to write, to mend or to replay: they are no livelock while they go on.
uint64_t points_of_recovery(const Sizes& sizes) {
  constexpr uint64_t kPointsOfBucket = 100;
  const int64_t records =
      sizes.find("operations").value_or(0) * sizes.find("sessions").value_or(1) +
      sizes.find("appends").value_or(0);
  return (kPointsOfBucket << sizes["index_bits"]) +
         kPointsOfRecord * static_cast<uint64_t>(records);
}

class Add final : public engine::Modifier {
 public:
  Add(uint64_t amount, size_t size_max) : amount_(amount), size_max_(size_max) {}

  size_t initial_size() override { return kEncodedSizeMin; }
  void initialise(engine::MutableBytes now) override { write(amount_, now); }
  /// Now and then another one: values grow and shrink.
  size_t updated_size(engine::Bytes old) override {
    if (amount_ % 4 != 0) return old.size();
    return kEncodedSizeMin + sim::below(sim::scramble(amount_), size_max_ - kEncodedSizeMin + 1);
  }
  void update(engine::Bytes old, engine::MutableBytes now) override {
    const std::optional<uint64_t> number = decode_value(old);
    garbage_ = !number.has_value();
    write(number.value_or(0) + amount_, now);
  }
  uint64_t result() const { return result_; }
  bool garbage() const { return garbage_; }

 private:
  void write(uint64_t number, engine::MutableBytes now) {
    result_ = number;
    encode_value(number, now.size(), now);
  }

  uint64_t amount_;
  size_t size_max_;
  uint64_t result_ = 0;
  bool garbage_ = false;
};

}  // namespace

void set_calm_store(Sizes& sizes) {
  for (const SizeRow& row : kStoreSizes) sizes.set(row.name, row.calm);
}

void draw_retries(Sizes& sizes) {
  Draw draw(static_cast<uint64_t>(sizes["script"]), 0x8E72);
  sizes.set("io_attempts", draw.between(1, 3));
  sizes.set("retry_us", draw.odds(1, 2) ? 0 : draw.log_uniform(0, 8));
}

void draw_fair_turns(Sizes& sizes) {
  Draw draw(static_cast<uint64_t>(sizes["script"]), 0xFA12);
  if (draw.odds(1, 16)) sizes.set("step_budget", draw.log_uniform(10, 16));
}

engine::RetryPolicy retries_of(const Sizes& sizes) {
  engine::RetryPolicy policy;
  policy.attempts = static_cast<uint32_t>(sizes["io_attempts"]);
  policy.retry_delay_us = static_cast<uint32_t>(sizes["retry_us"]);
  return policy;
}

engine::StoreOptions store_options(const Sizes& sizes) {
  engine::StoreOptions options;
  const auto u32 = [&](const char* name) { return static_cast<uint32_t>(sizes[name]); };
  options.page_bits = u32("page_bits");
  options.memory_bits = options.page_bits + u32("ring_bits");
  options.empty_pages = u32("empty_pages");
  options.mutable_permille = u32("mutable_permille");
  options.index_bits = u32("index_bits");
  options.width_bits = u32("width_bits");
  options.sector_size = uint32_t{1} << u32("sector_bits");
  options.throttle_ms = static_cast<int32_t>(sizes["throttle_ms"]);
  options.version_barrier = sizes["barrier"] != 0;
  options.keep_frames = sizes["keep_frames"] != 0;
  options.main_is_null = sizes["null_main"] != 0;
  options.main_io = retries_of(sizes);
  options.parked_pages_max = u32("parked_max");
  options.checkpoints_kept = u32("kept");
  options.copy_reads = static_cast<engine::CopyReads>(sizes["copy_reads"]);
  return options;
}

sim::Laws store_laws(const Sizes& sizes) {
  sim::Laws laws;
  laws.pace.point_ns = sizes["point_ns"];
  laws.pace.step_budget = static_cast<uint64_t>(sizes["step_budget"]);
  laws.pace.patience += points_of_recovery(sizes);
  laws.disk.nominal_ns = sizes["point_ns"] * sizes["io_points"];
  laws.disk.queue_depth = static_cast<uint32_t>(sizes["queue_depth"]);
  return laws;
}

std::string unfit_store(const Sizes& sizes) {
  // The longest key, and the largest value; that of a counter is the smallest there is.
  if (const std::optional<int64_t> value_max = sizes.find("value_max")) {
    const int64_t value = std::max(*value_max, static_cast<int64_t>(kEncodedSizeMin));
    const int64_t record = engine::record_size(static_cast<int64_t>(kKeyLongest), value);
    if (record > int64_t{1} << sizes["page_bits"]) {
      return fmt::format("the largest record has {} bytes and must fit a page", record);
    }
  }
  if (sizes.find("shifts").value_or(0) > 0) {
    if (sizes["resets"] > 0) return "nobody knows where records begin once a store was emptied";
    if (sizes.find("log_operations").value_or(0) != 0) {
      return "a log brings back what was given up: shifts must be 0 with log_operations";
    }
  }
  const engine::Result<void> valid = engine::validate(store_options(sizes));
  return valid ? std::string() : std::string(valid.error().what);
}

int64_t read_only_pages(const Sizes& sizes) {
  const int64_t lag = (int64_t{1} << sizes["ring_bits"]) - 1 - sizes["empty_pages"];
  return lag - lag * sizes["mutable_permille"] / 1000;
}

void keep_wide(Sizes& sizes, int64_t pages) {
  const int64_t distance = pages << sizes["page_bits"];
  int64_t bits = sizes["width_bits"];
  while (bits < 62 && (int64_t{1} << (bits - 1)) < distance) ++bits;
  sizes.set("width_bits", bits);
}

engine::Bytes encoded_key(uint64_t key, engine::MutableBytes room) {
  return key_bytes(key, key_size(key), room);
}

engine::Result<engine::CheckpointResult> take_checkpoint(Stage& stage, engine::Store& store,
                                                         const engine::CheckpointRequest& request) {
  const auto ticket = store.start_checkpoint(request);
  if (!ledger::succeeded(ledger::Call::start_checkpoint, ticket)) return ticket.error();
  return wait_for_checkpoint(stage, store, *ticket, request);
}

engine::Result<engine::CheckpointResult> wait_for_checkpoint(
    Stage& stage, engine::Store& store, engine::CheckpointTicket ticket,
    const engine::CheckpointRequest& request) {
  auto ended = store.wait_checkpoint(ticket);
  if (!ledger::succeeded(ledger::Call::wait_checkpoint, ended)) return ended;
  const bool of_log = request.log != engine::LogCheckpoint::none;
  const uint64_t version = of_log ? ticket.version : 0;
  const uint64_t spoken_of = of_log ? ended->info.version : 0;
  engine::note(ledger::kCheckpointAcknowledged, static_cast<int64_t>(version),
               static_cast<int64_t>(ticket.token), static_cast<int64_t>(spoken_of));
  stage.scheduler.made_progress();
  return ended;
}

// Clients.

engine::SessionOptions Client::options_for(uint32_t id) {
  engine::SessionOptions options;
  options.id = id;
  options.completed = &Client::completed;
  return options;
}

void Client::completed(void* context, const engine::OpResult& result) {
  auto& asked = *static_cast<Asked*>(context);
  asked.answered = true;
  asked.result = result;
}

size_t Client::begin(OpKind kind, uint64_t key, uint64_t argument) {
  return stage_.history.begin(id_, kind, key, argument, stage_.scheduler.steps(),
                              stage_.scheduler.current_task());
}

engine::OpResult Client::wait(const engine::OpResult& first, Asked& asked) {
  if (first.status != engine::Status::pending) return first;
  session_->complete_pending(true);
  CHECK(asked.answered, "complete_pending(true) left an operation without an answer");
  return asked.result;
}

void Client::end(size_t index, const engine::OpResult& result, uint64_t number, bool garbage) {
  Ending ending;
  switch (result.status) {
    case engine::Status::ok: ending.outcome = Outcome::ok; break;
    case engine::Status::not_found: ending.outcome = Outcome::not_found; break;
    case engine::Status::failed:
      ending.outcome = Outcome::failed;
      ending.damaged = result.error.code == engine::Errc::corrupt;
      break;
    case engine::Status::pending: CHECK(false, "an operation is pending after its answer");
  }
  ending.step = stage_.scheduler.steps();
  ending.result = ending.outcome == Outcome::ok ? number : 0;
  ending.garbage = ending.outcome == Outcome::ok && garbage;
  if (ending.outcome == Outcome::ok) ending.address = result.address;
  ending.version = result.version;
  ending.log_end = result.log_address;
  stage_.history.end(index, ending);
  if (ending.outcome == Outcome::failed) {
    ledger::note_failure(ledger::Call::operation, result.error.code, index);
  }
  ++answered_;
  stage_.scheduler.made_progress();
}

void Client::upsert(uint64_t key, size_t size) {
  std::array<std::byte, kKeyMax> key_room;
  std::array<std::byte, kValueMax> value_room;
  const uint64_t number = number_of(id_, ++written_);
  const engine::Bytes name = key_bytes(key, key_size(key), key_room);
  const engine::Bytes value = encode_value(number, size, value_room);
  const size_t index = begin(OpKind::upsert, key, number);
  const engine::Actor actor({"upsert", index});
  Asked asked;
  const engine::OpResult first = session_->upsert(name, value, &asked);
  end(index, wait(first, asked), number, false);
}

void Client::add(uint64_t key, uint64_t amount, size_t size_max) {
  std::array<std::byte, kKeyMax> key_room;
  const engine::Bytes name = key_bytes(key, key_size(key), key_room);
  const size_t index = begin(OpKind::add, key, amount);
  const engine::Actor actor({"rmw", index});
  Add modifier(amount, size_max);
  Asked asked;
  const engine::OpResult first = session_->rmw(name, modifier, &asked);
  const engine::OpResult result = wait(first, asked);
  end(index, result, modifier.result(), modifier.garbage());
}

bool Client::read(uint64_t key) {
  std::array<std::byte, kKeyMax> key_room;
  std::array<std::byte, kValueMax> value_room;
  const engine::Bytes name = key_bytes(key, key_size(key), key_room);
  const size_t index = begin(OpKind::read, key, 0);
  const engine::Actor actor({"read", index});
  Asked asked;
  const engine::OpResult first = session_->read(name, value_room, &asked);
  const engine::OpResult result = wait(first, asked);
  std::optional<uint64_t> number;
  if (result.status == engine::Status::ok && result.value_size <= value_room.size()) {
    number = decode_value(engine::Bytes(value_room).first(result.value_size));
  }
  end(index, result, number.value_or(0), !number.has_value());
  return result.status != engine::Status::failed;
}

void Client::erase(uint64_t key) {
  std::array<std::byte, kKeyMax> key_room;
  const engine::Bytes name = key_bytes(key, key_size(key), key_room);
  const size_t index = begin(OpKind::erase, key, 0);
  const engine::Actor actor({"erase", index});
  Asked asked;
  const engine::OpResult first = session_->erase(name, &asked);
  end(index, wait(first, asked), 0, false);
}

void do_scripted(Client& client, const Mix& mix, uint64_t script, uint32_t id, uint64_t n) {
  Draw draw(sim::mix(script, id), n);
  const uint64_t key = sim::below(draw.word(), mix.keys);
  const uint64_t what = sim::below(draw.word(), 100);
  if (what < mix.upserts) {
    client.upsert(key, static_cast<size_t>(
                           draw.between(kEncodedSizeMin, static_cast<int64_t>(mix.size_max))));
  } else if (what < mix.upserts + mix.adds) {
    client.add(key, static_cast<uint64_t>(draw.between(1, 1000)), mix.size_max);
  } else if (what < mix.upserts + mix.adds + mix.erases) {
    client.erase(key);
  } else {
    client.read(key);
  }
}

}  // namespace orrery::scenarios
