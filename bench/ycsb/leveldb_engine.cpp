// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>

#include <cstring>

#include "bench/ycsb/others.hpp"
#include "engine/base/check.hpp"

namespace orrery::bench {
namespace {

leveldb::Slice slice_of(const KeyBytes& key) { return {key.data(), sizeof key.bytes}; }

class LevelClient final : public Client {
 public:
  LevelClient(leveldb::DB& db, const EngineOptions& options)
      : db_(db), options_(options), value_(options.value_size, '\0') {}

  bool read(uint64_t key) override {
    (void)number_of(key);
    return true;
  }
  void upsert(uint64_t key, uint64_t salt) override { put(key, key + options_.modulus() * salt); }
  void modify(uint64_t key) override { put(key, number_of(key) + options_.modulus()); }
  void scan(uint64_t key, uint32_t count) override {
    const std::unique_ptr<leveldb::Iterator> at(db_.NewIterator({}));
    const KeyBytes bytes(key);
    wrong += pass_over(*at, slice_of(bytes), count) ? 0 : 1;
  }

 private:
  uint64_t number_of(uint64_t key) {
    const KeyBytes bytes(key);
    const leveldb::Status status = db_.Get({}, slice_of(bytes), &read_);
    uint64_t number = 0;
    const bool whole = status.ok() && read_.size() == options_.value_size;
    if (whole) std::memcpy(&number, read_.data(), sizeof number);
    wrong += whole && number % options_.modulus() == key % options_.modulus() ? 0 : 1;
    return number;
  }
  void put(uint64_t key, uint64_t number) {
    const KeyBytes bytes(key);
    std::memcpy(value_.data(), &number, sizeof number);
    wrong += db_.Put({}, slice_of(bytes), value_).ok() ? 0 : 1;
  }

  leveldb::DB& db_;
  EngineOptions options_;
  std::string value_;
  std::string read_;
};

class LevelEngine final : public Engine {
 public:
  explicit LevelEngine(const EngineOptions& options)
      : options_(options),
        cache_(leveldb::NewLRUCache(options.memory)),
        filter_(leveldb::NewBloomFilterPolicy(10)) {
    leveldb::Options all;
    all.create_if_missing = true;
    all.compression = leveldb::kNoCompression;
    all.block_cache = cache_.get();
    all.filter_policy = filter_.get();
    all.write_buffer_size = size_t{64} << 20;
    leveldb::DB* opened = nullptr;
    const leveldb::Status status = leveldb::DB::Open(all, options.folder, &opened);
    CHECK(status.ok(), "LevelDB does not open: {}", status.ToString());
    db_.reset(opened);
  }

  std::string name() const override {
    return fmt::format("leveldb {}.{}", leveldb::kMajorVersion, leveldb::kMinorVersion);
  }
  bool can_scan() const override { return true; }
  std::unique_ptr<Client> client(uint64_t) override {
    return std::make_unique<LevelClient>(*db_, options_);
  }
  void settle() override { db_->CompactRange(nullptr, nullptr); }

 private:
  EngineOptions options_;
  std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<const leveldb::FilterPolicy> filter_;
  std::unique_ptr<leveldb::DB> db_;
};

}  // namespace

std::unique_ptr<Engine> open_leveldb(const EngineOptions& options) {
  return std::make_unique<LevelEngine>(options);
}

}  // namespace orrery::bench
