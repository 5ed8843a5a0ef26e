// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/real/native_client.hpp"

#include <vector>

#include "engine/base/check.hpp"
#include "engine/base/sanitizers.hpp"

namespace orrery::tests {
namespace {

using engine::OpResult;
using scenarios::OpKind;

// The counter that orders operations must not order the engine's accesses as well, or it would hide
// races from the detector. Elsewhere its order is the point.
#if ORRERY_TSAN
constexpr auto kOrder = std::memory_order_relaxed;
#else
constexpr auto kOrder = std::memory_order_seq_cst;
#endif

class Add final : public engine::Modifier {
 public:
  explicit Add(uint64_t amount) : amount_(amount) {}
  size_t initial_size() override { return scenarios::kEncodedSizeMin; }
  void initialise(engine::MutableBytes now) override { write(amount_, now); }
  size_t updated_size(engine::Bytes old) override { return old.size(); }
  void update(engine::Bytes old, engine::MutableBytes now) override {
    const auto number = scenarios::decode_value(old);
    garbage = !number.has_value();
    write(number.value_or(0) + amount_, now);
  }

  uint64_t result = 0;
  bool garbage = false;

 private:
  void write(uint64_t number, engine::MutableBytes now) {
    result = number;
    scenarios::encode_value(number, now.size(), now);
  }
  uint64_t amount_;
};

engine::Bytes name_in(uint64_t key, engine::MutableBytes room) {
  return scenarios::key_bytes(key, scenarios::kEncodedSizeMin + key % 9, room);
}

}  // namespace

uint64_t next_step(std::atomic<uint64_t>& clock) { return clock.fetch_add(1, kOrder) + 1; }

void NativeClient::open() {
  engine::SessionOptions options;
  options.id = options_.id;
  options.completed = [](void* context, const OpResult& result) {
    auto& asked = *static_cast<Asked*>(context);
    asked = {true, result};
  };
  auto started = store_.start_session(options);
  CHECK(started.has_value(), "no session");
  session_ = std::move(*started);
}

void NativeClient::do_one() {
  if (draw(8) == 0) prefetch();
  const uint64_t key = draw(options_.keys);
  const uint64_t what = draw(100);
  if (what < 45) return upsert(key);
  if (what < 65) return add(key, 1 + draw(1000));
  if (what < 70) return erase(key);
  read(key);
}

void NativeClient::read_all() {
  for (uint64_t key = 0; key < options_.keys; ++key) read(key);
}

void NativeClient::empty_store() {
  std::vector<size_t> erases;
  for (uint64_t key = 0; key < options_.keys; ++key) {
    erases.push_back(begin(OpKind::erase, key, 0));
  }
  const auto emptied = store_.reset();
  OpResult result;
  result.status = emptied ? engine::Status::ok : engine::Status::failed;
  if (emptied) result.log_address = *emptied;
  for (const size_t erase : erases) end(erase, result, 0, false);
}

uint64_t NativeClient::draw(uint64_t bound) {
  state_ += 0x9E37'79B9'7F4A'7C15ULL;
  uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58'476D'1CE4'E5B9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D0'49BB'1331'11EBULL;
  return (mixed ^ (mixed >> 31)) % bound;
}

void NativeClient::prefetch() {
  std::array<std::array<std::byte, kKeyMax>, 4> room;
  std::array<engine::Bytes, 4> keys;
  for (size_t i = 0; i < keys.size(); ++i) keys[i] = name_in(draw(options_.keys), room[i]);
  session_->prefetch(keys);
}

void NativeClient::upsert(uint64_t key) {
  const uint64_t number = scenarios::number_of(options_.id, ++written_);
  const size_t size = scenarios::kEncodedSizeMin + draw(options_.value_max - 7);
  const engine::Bytes value = scenarios::encode_value(number, size, value_room_);
  const size_t note = begin(OpKind::upsert, key, number);
  Asked asked;
  end(note, wait(session_->upsert(name_of(key), value, &asked), asked), number, false);
}

void NativeClient::add(uint64_t key, uint64_t amount) {
  const size_t note = begin(OpKind::add, key, amount);
  Add modifier(amount);
  Asked asked;
  const OpResult result = wait(session_->rmw(name_of(key), modifier, &asked), asked);
  end(note, result, modifier.result, modifier.garbage);
}

void NativeClient::erase(uint64_t key) {
  const size_t note = begin(OpKind::erase, key, 0);
  Asked asked;
  end(note, wait(session_->erase(name_of(key), &asked), asked), 0, false);
}

void NativeClient::read(uint64_t key) {
  const size_t note = begin(OpKind::read, key, 0);
  Asked asked;
  const OpResult result = wait(session_->read(name_of(key), value_room_, &asked), asked);
  std::optional<uint64_t> number;
  if (result.status == engine::Status::ok && result.value_size <= value_room_.size()) {
    number = scenarios::decode_value(engine::Bytes(value_room_).first(result.value_size));
  }
  end(note, result, number.value_or(0), !number.has_value());
}

engine::Bytes NativeClient::name_of(uint64_t key) { return name_in(key, key_room_); }

size_t NativeClient::begin(OpKind kind, uint64_t key, uint64_t argument) {
  scenarios::Operation operation;
  operation.client = options_.id;
  operation.kind = kind;
  operation.key = key;
  operation.argument = argument;
  operation.invoked = next_step(clock_);
  return notes_.begin(operation);
}

OpResult NativeClient::wait(const OpResult& first, const Asked& asked) {
  if (first.status != engine::Status::pending) return first;
  session_->complete_pending(true);
  CHECK(asked.answered, "complete_pending(true) left an operation without an answer");
  return asked.result;
}

void NativeClient::end(size_t note, const OpResult& result, uint64_t number, bool garbage) {
  scenarios::Ending ending;
  ending.step = next_step(clock_);
  const bool ok = result.status == engine::Status::ok;
  ending.outcome = ok ? scenarios::Outcome::ok : scenarios::Outcome::not_found;
  if (result.status == engine::Status::failed) {
    ++failures_;
    ending.outcome = scenarios::Outcome::failed;
  }
  ending.result = ok ? number : 0;
  ending.garbage = ok && garbage;
  if (ok) ending.address = result.address;
  ending.log_end = result.log_address;
  ending.version = result.version;
  notes_.end(note, ending);
}

}  // namespace orrery::tests
