// SPDX-License-Identifier: Apache-2.0
#include "bench/ycsb/orrery_engine.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <thread>

#include "engine/base/check.hpp"

namespace orrery::bench {
namespace {

using engine::Bytes;
using engine::MutableBytes;
using engine::OpResult;
using engine::Status;

constexpr uint32_t kPending = 64;  // reads in flight, at most
constexpr size_t kAnnounced = 64;

Bytes key_of(const uint64_t& key) { return {reinterpret_cast<const std::byte*>(&key), sizeof key}; }

class OrreryClient final : public Client, engine::Modifier {
 public:
  OrreryClient(engine::Store& store, uint64_t number, const EngineOptions& options)
      : options_(options), value_(options.value_size), free_(options.in_flight) {
    CHECK(options.in_flight >= 1 && options.in_flight <= kPending, "{} reads", options.in_flight);
    engine::SessionOptions session;
    session.id = number;
    session.completed = &completed;
    auto started = store.start_session(session);
    CHECK(started, "no session: {}", started.error().what);
    session_ = std::move(*started);
    for (size_t i = 0; i < free_.size(); ++i) {
      reads_[i].value.resize(options.value_size);
      reads_[i].client = this;
      free_[i] = &reads_[i];
    }
    modified_.client = this;
  }
  ~OrreryClient() override { session_->close(); }

  void announce(std::span<const uint64_t> keys, bool) override {
    std::array<Bytes, kAnnounced> all;
    const size_t count = std::min(keys.size(), kAnnounced);
    for (size_t i = 0; i < count; ++i) all[i] = key_of(keys[i]);
    session_->prefetch({all.data(), count});
  }

  // Comes back when there is room for another one.
  bool read(uint64_t key) override {
    Read& read = *free_.back();
    read.key = key;
    read.begun = begun;
    const OpResult result =
        session_->read(key_of(read.key), {read.value.data(), read.value.size()}, &read);
    if (result.status != Status::pending) {
      look(read, result);
      return true;
    }
    free_.pop_back();
    for (; free_.empty(); std::this_thread::yield()) session_->complete_pending(false);
    return false;
  }

  void upsert(uint64_t key, uint64_t salt) override {
    const uint64_t number = key + options_.modulus() * salt;
    std::memcpy(value_.data(), &number, sizeof number);
    wrong += session_->upsert(key_of(key), value_).status == Status::ok ? 0 : 1;
  }

  void modify(uint64_t key) override {
    const OpResult result = session_->rmw(key_of(key), *this, &modified_);
    if (result.status == Status::pending) {
      session_->complete_pending(true);
    } else {
      wrong += result.status == Status::ok ? 0 : 1;
    }
  }

  void poll() override { session_->complete_pending(false); }
  void finish() override { session_->complete_pending(true); }

 private:
  struct Read {
    uint64_t key = 0;
    Clock::time_point begun;
    std::vector<std::byte> value;
    OrreryClient* client = nullptr;
  };

  size_t initial_size() override { return options_.value_size; }
  size_t updated_size(Bytes) override { return options_.value_size; }
  void initialise(MutableBytes now) override {
    std::memset(now.data(), 0, now.size());
    ++wrong;  // every key was loaded
  }
  void update(Bytes old, MutableBytes now) override {
    std::memcpy(now.data(), old.data(), now.size());
    const uint64_t number = engine::get<uint64_t>(now.data()) + options_.modulus();
    std::memcpy(now.data(), &number, sizeof number);
  }

  void look(const Read& read, const OpResult& result) {
    const bool right = result.status == Status::ok && result.value_size == options_.value_size &&
                       engine::get<uint64_t>(read.value.data()) % options_.modulus() ==
                           read.key % options_.modulus();
    wrong += right ? 0 : 1;
  }

  static void completed(void* context, const OpResult& result) {
    Read& read = *static_cast<Read*>(context);
    OrreryClient& client = *read.client;
    if (&read == &client.modified_) {
      client.wrong += result.status == Status::ok ? 0 : 1;
      return;
    }
    client.look(read, result);
    client.free_.push_back(&read);
    if (client.late == nullptr) return;
    const std::chrono::nanoseconds took = Clock::now() - read.begun;
    client.late->add(static_cast<uint64_t>(took.count()));
  }

  EngineOptions options_;
  std::vector<std::byte> value_;
  std::array<Read, kPending> reads_;
  std::vector<Read*> free_;
  Read modified_;  // stands for the read-modify-write that is pending
  engine::Owned<engine::Session> session_;
};

}  // namespace

engine::StoreOptions store_options(const EngineOptions& options) {
  engine::StoreOptions store;
  store.page_bits = 22;
  // A power of two: all must fit, or it is less than what others have.
  store.memory_bits = static_cast<uint32_t>(options.in_memory ? std::bit_width(options.memory - 1)
                                                              : std::bit_width(options.memory) - 1);
  store.page_bits = std::min(store.page_bits, store.memory_bits - 4);
  store.index_bits = 1;
  while ((uint64_t{4} << store.index_bits) < options.records) ++store.index_bits;
  store.main_is_null = options.in_memory;
  return store;
}

std::unique_ptr<OrreryEngine> OrreryEngine::open(const EngineOptions& options,
                                                 const engine::StoreOptions& store,
                                                 bool recovered) {
  auto opened = std::make_unique<OrreryEngine>();
  opened->options_ = options;
  engine::MachineOptions machine;
  machine.folder = options.folder;
  machine.huge_pages = true;
  auto made = engine::Machine::open(machine);
  CHECK(made, "no machine: {}", made.error().what);
  opened->machine_ = std::move(*made);
  const engine::Runtime runtime = opened->machine_->runtime();
  auto begun = recovered ? engine::Store::recover(runtime, store, opened->bugs_)
                         : engine::Store::open(runtime, store, opened->bugs_);
  CHECK(begun, "no store: {}", begun.error().what);
  opened->store_ = std::move(*begun);
  return opened;
}

OrreryEngine::~OrreryEngine() {
  if (store_) store_->close();
}

std::unique_ptr<Client> OrreryEngine::client(uint64_t number) {
  return std::make_unique<OrreryClient>(*store_, number, options_);
}

void OrreryEngine::settle() {
  if (options_.in_memory) return;
  const auto flushed = store_->flush();
  CHECK(flushed, "the log cannot be flushed: {}", flushed.error().what);
}

}  // namespace orrery::bench
