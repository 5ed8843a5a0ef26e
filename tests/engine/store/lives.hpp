// SPDX-License-Identifier: Apache-2.0
// One storage and the stores that live on it one after the other, and what each should hold.
#pragma once

#include "engine/base/crc32c.hpp"
#include "engine/store/metadata.hpp"
#include "engine/store/names.hpp"
#include "engine/store/page_table.hpp"
#include "tests/engine/store/store_fixture.hpp"

namespace orrery::engine::testing {

/// One storage, and the stores that live on it one after the other.
class Lives {
 public:
  explicit Lives(const StoreOptions& some_options) : options(some_options) {}

  void open() { take(Store::open(plain.runtime(), options, bugs)); }
  Result<void> try_recover(const RecoverOptions& wanted = {}) {
    auto recovered = Store::recover(plain.runtime(), options, bugs, wanted);
    if (!recovered) return recovered.error();
    take(std::move(recovered));
    return {};
  }
  void recover(const RecoverOptions& wanted = {}) {
    const auto recovered = try_recover(wanted);
    INFO((recovered ? "" : recovered.error().what));
    REQUIRE(recovered);
  }
  /// The process dies: nothing is closed.
  void die() {
    session->close();
    session = {};
    store->close();
    store = {};
  }

  void set(const std::string& key, const std::string& value) {
    REQUIRE(session->upsert(bytes_of(key), bytes_of(value)).status == Status::ok);
    model[key] = value;
  }
  void erase(const std::string& key) {
    REQUIRE(session->erase(bytes_of(key)).status == Status::ok);
    model.erase(key);
  }
  void fill(int first, int last, const std::string& mark) {
    for (int i = first; i < last; ++i) set(key_of(i), mark + value_of(i));
  }
  /// Takes a checkpoint, and remembers what it must hold.
  uint64_t checkpoint(const CheckpointRequest& request = {}) {
    const auto ticket = store->start_checkpoint(request);
    REQUIRE(ticket);
    const auto ended = store->wait_checkpoint(*ticket);
    INFO((ended ? "" : ended.error().what));
    REQUIRE(ended);
    if (request.log != LogCheckpoint::none) captured = model;
    return ticket->token;
  }
  std::string read(const std::string& key) { return ask(*session, key).value; }
  /// Each key that was ever used holds what the model says.
  void check(const Model& wanted, int keys) { check_contents(*this, wanted, keys); }

  StoreOptions options;
  Bugs bugs;
  PlainRuntime plain;
  Owned<Store> store;
  Owned<Session> session;
  Model model;
  Model captured;

 private:
  void take(Result<Owned<Store>> opened) {
    INFO((opened ? "" : opened.error().what));
    REQUIRE(opened);
    store = std::move(*opened);
    session = started_session(*store);
  }
};

inline std::string file_of(uint64_t token, DeviceName (*name)(std::string_view, uint64_t)) {
  return std::string(name("db", token).view());
}

/// Changes a checkpoint as if a page had left memory before its snapshot came to it.
inline void leave_out(Lives& lives, uint64_t token, int64_t page) {
  auto& metadata = lives.plain.device(file_of(token, &DeviceName::metadata)).bytes;
  auto& table = lives.plain.device(file_of(token, &DeviceName::page_table)).bytes;
  std::array<SessionPoint, 4> sessions{};
  auto decoded = decode_metadata(metadata, sessions);
  REQUIRE(decoded);
  REQUIRE(decoded->session_count <= sessions.size());
  CheckpointInfo& info = decoded->info;
  const int64_t first = HybridLog::geometry_of(lives.options).page(info.snapshot_start);
  const size_t size = static_cast<size_t>(info.pages) * PageTable::kEntrySize;
  const size_t at = static_cast<size_t>(page - first) * PageTable::kEntrySize;
  REQUIRE(at < size);
  put(table.data() + at + 4, static_cast<uint32_t>(PageTable::State::left_out));
  info.pages_checksum = crc32c(Bytes(table).first(size));
  metadata.assign(metadata_size_max(decoded->session_count, info.sector), std::byte{0});
  metadata.resize(encode_metadata(info, {sessions.data(), decoded->session_count}, metadata));
}

}  // namespace orrery::engine::testing
