// SPDX-License-Identifier: Apache-2.0
// The index finds what was put in, and has one entry for each tag of a chain.
#include "engine/store/hash_index.hpp"

#include <cstdlib>
#include <cstring>
#include <set>

#include "tests/catch.hpp"
#include "tests/engine/store/plain_runtime.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

namespace {

// A hash of the bucket and the tag.
uint64_t hash_with(uint64_t bucket, uint64_t tag) { return bucket | (tag << 50); }

struct Entries {
  std::set<std::pair<uint64_t, uint64_t>> seen;
  size_t count = 0;
};

Entries entries_of(HashIndex& index) {
  Entries entries;
  index.visit_entries(
      [](void* context, uint64_t bucket, EntryWord word) {
        auto& into = *static_cast<Entries*>(context);
        into.seen.insert({bucket, word.tag()});
        ++into.count;
      },
      &entries);
  return entries;
}

}  // namespace

TEST_CASE("hashes depend on every byte and on the length") {
  std::set<uint64_t> seen;
  for (size_t size = 1; size < 40; ++size) {
    std::string key(size, 'k');
    seen.insert(hash_of(bytes_of(key)));
    for (char& letter : key) {
      letter = 'x';
      seen.insert(hash_of(bytes_of(key)));
      letter = 'k';
    }
  }
  CHECK(seen.size() == 39 + 39 * 40 / 2);
}

TEST_CASE("chains grow, and every tag has one entry") {
  PlainRuntime plain;
  {
    HashIndex index(plain, plain);
    REQUIRE(index.initialise(1));
    for (int round = 0; round < 2; ++round) {
      for (uint64_t tag = 0; tag < 3000; ++tag) {
        auto found = index.find_or_create_tag(hash_with(tag % 2, tag), 64);
        REQUIRE(found);
        CHECK(found->word.tag() == tag);
        if (round == 1) CHECK(found->word.address() == static_cast<LogAddr>(tag + 64));
        found->entry->store(EntryWord::make(tag, static_cast<LogAddr>(tag + 64)).word);
      }
    }
    const Entries entries = entries_of(index);
    CHECK(entries.count == 3000);
    CHECK(entries.seen.size() == 3000);
    CHECK(index.overflow_count() > 400);
    CHECK(index.find_tag(hash_with(1, 77)).word.address() == 77 + 64);
    CHECK(index.find_tag(hash_with(0, 77)).entry == nullptr);
  }
  CHECK(plain.live_blocks == 0);
}

TEST_CASE("a table is not touched to be made: it may be larger than what is used of it") {
  // Not the zeros that it promises, so that who writes zeros is seen.
  struct Marked final : Memory {
    Result<void*> allocate(size_t size, size_t alignment, const char*, Site) override {
      void* const block = std::aligned_alloc(alignment, round_up(size, alignment));
      std::memset(block, 0x55, size);
      return block;
    }
    void free(void* block, Site) override { std::free(block); }
  };
  Marked memory;
  PlainRuntime plain;
  HashIndex index(memory, plain);
  REQUIRE(index.initialise(4));
  for (uint64_t bucket = 0; bucket < 16; ++bucket) {
    CHECK(index.bucket_of(bucket).entries[0].peek() == 0x5555'5555'5555'5555);
  }
}

TEST_CASE("entries below begin make room") {
  PlainRuntime plain;
  HashIndex index(plain, plain);
  REQUIRE(index.initialise(0));
  for (uint64_t tag = 0; tag < 7; ++tag) {
    auto found = index.find_or_create_tag(hash_with(0, tag), 64);
    REQUIRE(found);
    found->entry->store(EntryWord::make(tag, 100).word);
  }
  REQUIRE(index.find_or_create_tag(hash_with(0, 50), 200));
  CHECK(index.overflow_count() == 0);
  CHECK(entries_of(index).count == 1);
}

TEST_CASE("latches exclude, and are kept when the chain grows") {
  PlainRuntime plain;
  HashIndex index(plain, plain);
  REQUIRE(index.initialise(0));
  Bucket& bucket = index.bucket_of(0);
  REQUIRE(index.try_lock_shared(bucket));
  REQUIRE(index.try_lock_shared(bucket));
  CHECK_FALSE(index.try_lock_exclusive(bucket));
  for (uint64_t tag = 0; tag < 20; ++tag) {
    auto found = index.find_or_create_tag(hash_with(0, tag), 64);
    REQUIRE(found);
    found->entry->store(EntryWord::make(tag, 100).word);
  }
  index.unlock_shared(bucket);
  index.unlock_shared(bucket);
  REQUIRE(index.try_lock_exclusive(bucket));
  CHECK_FALSE(index.try_lock_shared(bucket));
  CHECK_FALSE(index.try_lock_exclusive(bucket));
  CHECK(index.find_tag(hash_with(0, 19)).entry != nullptr);
  index.unlock_exclusive(bucket);
}

TEST_CASE("no memory for a chain is an error") {
  PlainRuntime plain;
  HashIndex index(plain, plain);
  REQUIRE(index.initialise(0));
  plain.failing_label = "overflow buckets";
  plain.failing_allocations = 1;
  int failed = 0;
  for (uint64_t tag = 0; tag < 20; ++tag) {
    auto found = index.find_or_create_tag(hash_with(0, tag), 64);
    failed += found ? 0 : 1;
    if (found) found->entry->store(EntryWord::make(tag, 100).word);
  }
  CHECK(failed == 1);
}
