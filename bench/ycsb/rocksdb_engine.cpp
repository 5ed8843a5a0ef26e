// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/version.h>

#include <array>
#include <cstring>

#include "bench/ycsb/others.hpp"
#include "engine/base/check.hpp"

namespace orrery::bench {
namespace {

constexpr size_t kAnnounced = 64;

rocksdb::Slice slice_of(const KeyBytes& key) { return {key.data(), sizeof key.bytes}; }

class RocksClient final : public Client {
 public:
  RocksClient(rocksdb::DB& db, const EngineOptions& options)
      : db_(db), options_(options), value_(options.value_size, '\0') {
    writes_.disableWAL = options.in_memory;
  }

  // Where a read costs one of the disk, what is asked for together is read together.
  void announce(std::span<const uint64_t> keys, bool all_are_reads) override {
    announced_ = !options_.in_memory && all_are_reads ? std::min(keys.size(), kAnnounced) : 0;
    if (announced_ == 0) return;
    std::array<rocksdb::Slice, kAnnounced> slices;
    std::array<rocksdb::Status, kAnnounced> status;
    for (size_t i = 0; i < announced_; ++i) {
      keys_[i] = KeyBytes(keys[i]);
      slices[i] = slice_of(keys_[i]);
    }
    db_.MultiGet(reads_, db_.DefaultColumnFamily(), announced_, slices.data(), values_.data(),
                 status.data());
    for (size_t i = 0; i < announced_; ++i) {
      look(keys[i], status[i], values_[i]);
      values_[i].Reset();
    }
  }

  bool read(uint64_t key) override {
    if (announced_ > 0) return true;  // it was read then
    const KeyBytes bytes(key);
    rocksdb::PinnableSlice value;
    const auto status = db_.Get(reads_, db_.DefaultColumnFamily(), slice_of(bytes), &value);
    look(key, status, value);
    return true;
  }

  void upsert(uint64_t key, uint64_t salt) override { put(key, key + options_.modulus() * salt); }

  void modify(uint64_t key) override {
    const KeyBytes bytes(key);
    rocksdb::PinnableSlice value;
    const auto status = db_.Get(reads_, db_.DefaultColumnFamily(), slice_of(bytes), &value);
    look(key, status, value);
    uint64_t number = 0;
    if (value.size() >= sizeof number) std::memcpy(&number, value.data(), sizeof number);
    put(key, number + options_.modulus());
  }

  void scan(uint64_t key, uint32_t count) override {
    const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(reads_));
    const KeyBytes bytes(key);
    wrong += pass_over(*at, slice_of(bytes), count) ? 0 : 1;
  }

 private:
  void put(uint64_t key, uint64_t number) {
    const KeyBytes bytes(key);
    std::memcpy(value_.data(), &number, sizeof number);
    wrong += db_.Put(writes_, slice_of(bytes), value_).ok() ? 0 : 1;
  }
  void look(uint64_t key, const rocksdb::Status& status, const rocksdb::Slice& value) {
    uint64_t number = 0;
    const bool whole = status.ok() && value.size() == options_.value_size;
    if (whole) std::memcpy(&number, value.data(), sizeof number);
    wrong += whole && number % options_.modulus() == key % options_.modulus() ? 0 : 1;
  }

  rocksdb::DB& db_;
  EngineOptions options_;
  std::string value_;
  rocksdb::ReadOptions reads_;
  rocksdb::WriteOptions writes_;
  size_t announced_ = 0;
  std::array<KeyBytes, kAnnounced> keys_;
  std::array<rocksdb::PinnableSlice, kAnnounced> values_;
};

class RocksEngine final : public Engine {
 public:
  explicit RocksEngine(const EngineOptions& options) : options_(options) {
    rocksdb::Options all;
    all.create_if_missing = true;
    all.compression = rocksdb::kNoCompression;
    all.use_direct_reads = !options.in_memory;
    all.use_direct_io_for_flush_and_compaction = !options.in_memory;
    all.IncreaseParallelism(2);
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(options.memory);
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
    all.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(all, options.folder, &opened);
    CHECK(status.ok(), "RocksDB does not open: {}", status.ToString());
    db_.reset(opened);
  }

  std::string name() const override {
    return fmt::format("rocksdb {}.{}.{}", ROCKSDB_MAJOR, ROCKSDB_MINOR, ROCKSDB_PATCH);
  }
  bool can_scan() const override { return true; }
  std::unique_ptr<Client> client(uint64_t) override {
    return std::make_unique<RocksClient>(*db_, options_);
  }
  void settle() override {
    const rocksdb::Status flushed = db_->Flush({});
    const rocksdb::Status compacted = db_->CompactRange({}, nullptr, nullptr);
    CHECK(flushed.ok() && compacted.ok(), "RocksDB does not settle: {} {}", flushed.ToString(),
          compacted.ToString());
  }

 private:
  EngineOptions options_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace

std::unique_ptr<Engine> open_rocksdb(const EngineOptions& options) {
  return std::make_unique<RocksEngine>(options);
}

}  // namespace orrery::bench
