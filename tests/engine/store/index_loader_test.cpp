// SPDX-License-Identifier: Apache-2.0
// Whatever a copy of an index at work may hold, what is loaded agrees with itself and with the log.
#include "engine/store/index_loader.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <span>
#include <vector>

#include "tests/catch.hpp"
#include "tests/engine/store/plain_runtime.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

namespace {

constexpr uint32_t kIndexBits = 7;
constexpr uint64_t kTable = uint64_t{1} << kIndexBits;
constexpr uint64_t kOverflow = 3;
constexpr uint64_t kFirstLink = 16;  // the number of the first overflow bucket, in a link
constexpr IndexLoader::Bounds kBounds{1000, 5000, 9000};
constexpr uint64_t kLatched = (uint64_t{1} << 63) | (uint64_t{3} << kAddrBits);

uint64_t entry(uint64_t tag, LogAddr address) { return EntryWord::make(tag, address).word; }

/// The copies of all buckets.
struct Copy {
  std::vector<std::array<uint64_t, 8>> buckets{kTable + kOverflow};

  std::array<uint64_t, 8>& operator[](uint64_t number) { return buckets[number]; }
  std::array<uint64_t, 8>& overflow(uint64_t number) { return buckets[kTable + number]; }
  Bytes bytes(uint64_t first, uint64_t end) const {
    return std::as_bytes(std::span(buckets).subspan(first, end - first));
  }
};

/// How the images come to the loader.
enum class Way : uint8_t { in_order, backwards, in_place };
constexpr Way kWays[] = {Way::in_order, Way::backwards, Way::in_place};

using LoadedEntries =
    std::multimap<uint64_t, std::pair<uint64_t, LogAddr>>;  // bucket, tag, address

struct Loaded {
  PlainRuntime plain;
  HashIndex index{plain, plain};
  Result<void> outcome;

  Loaded(const Copy& copy, Way way) {
    REQUIRE(index.initialise(kIndexBits));
    outcome = load(copy, way);
  }
  Result<void> load(const Copy& copy, Way way) {
    IndexLoader loader(index, plain, kBounds);
    TRY(loader.begin(kOverflow));
    const uint64_t pieces = (copy.buckets.size() + 31) / 32;
    for (uint64_t i = 0; i < pieces; ++i) {
      const uint64_t first = 32 * (way == Way::backwards ? pieces - 1 - i : i);
      const uint64_t end = std::min<uint64_t>(first + 32, copy.buckets.size());
      Bytes images = copy.bytes(first, end);
      if (way == Way::in_place && end <= kTable) {
        const MutableBytes place = loader.place(first, end - first);
        std::copy(images.begin(), images.end(), place.begin());
        images = place;
      }
      TRY(loader.load(first, images));
    }
    return loader.finish();
  }
  LoadedEntries entries() {
    LoadedEntries all;
    index.visit_entries(
        [](void* into, uint64_t bucket, EntryWord word) {
          static_cast<LoadedEntries*>(into)->insert({bucket, {word.tag(), word.address()}});
        },
        &all);
    return all;
  }
};

}  // namespace

TEST_CASE("what a bucket was copied with is loaded, and what it must not keep is not") {
  Copy copy;
  copy[3] = {entry(1, 1000),
             entry(2, 4999) | EntryWord::kTentative,
             entry(3, 999),
             entry(4, 5000),
             entry(8, 9001) | EntryWord::kTentative,
             entry(5, 8999),
             entry(6, kTempInvalid),
             kLatched};
  copy[127][6] = entry(7, 1234);
  // Each alone: a bucket in which nothing else is to be changed.
  const LogAddr edges[] = {999, 1000, 4999, 5000, 8999};
  for (uint64_t i = 0; i < std::size(edges); ++i) copy[10 + i][i] = entry(20 + i, edges[i]);
  copy[20] = {entry(1, 2000), entry(2, 2000) | EntryWord::kTentative, 0, 0, 0, 0, 0, 0};
  copy[21] = {entry(9, 2000), entry(9 + 64, 2008), 0, 0, 0, 0, 0, 0};
  for (const Way way : kWays) {
    Loaded loaded(copy, way);
    REQUIRE(loaded.outcome);
    CHECK(loaded.entries() == LoadedEntries{{3, {1, 1000}},
                                            {3, {4, kTempInvalid}},
                                            {3, {5, kTempInvalid}},
                                            {11, {21, 1000}},
                                            {12, {22, 4999}},
                                            {13, {23, kTempInvalid}},
                                            {14, {24, kTempInvalid}},
                                            {20, {1, 2000}},
                                            {21, {9, 2000}},
                                            {21, {9 + 64, 2008}},
                                            {127, {7, 1234}}});
    // Nobody holds its latch.
    Bucket& bucket = loaded.index.bucket_of(3);
    CHECK(loaded.index.try_lock_exclusive(bucket));
  }
}

TEST_CASE("a chain is loaded whole, and loses what was not copied") {
  Copy copy;
  copy[0] = {entry(1, 2000), 0, 0, 0, 0, 0, 0, kLatched | kFirstLink};
  copy.overflow(0) = {entry(2, 6000), entry(3, 3000), 0, 0, 0, 0, 0, kFirstLink + 2};
  copy.overflow(2) = {entry(4, 4000),   entry(5, 7) | EntryWord::kTentative, 0, 0, 0, 0, 0,
                      kFirstLink + 1000};  // which is in no memory
  copy[1] = {entry(1, 2000), 0, 0, 0, 0, 0, 0, kFirstLink - 1};
  copy.overflow(1) = {entry(7, 2000), 0, 0, 0, 0, 0, 0, 0};  // nobody leads to it
  for (const Way way : kWays) {
    Loaded loaded(copy, way);
    REQUIRE(loaded.outcome);
    CHECK(loaded.index.try_lock_exclusive(loaded.index.bucket_of(0)));
    CHECK(loaded.entries() == LoadedEntries{{0, {1, 2000}},
                                            {0, {2, kTempInvalid}},
                                            {0, {3, 3000}},
                                            {0, {4, 4000}},
                                            {1, {1, 2000}}});
  }
}

TEST_CASE("of two entries of one tag the newer one counts") {
  Copy copy;
  copy[5] = {entry(9, 2000), entry(9, 3000), entry(8, 1500), 0, 0, 0, 0, 0};
  // The newer one is to be found again by whoever walks the log: the older one must not answer.
  copy[6] = {entry(9, 6000), entry(9, 2000), 0, 0, 0, 0, 0, 0};
  copy[70] = {entry(9, 2000), 0, 0, 0, 0, 0, 0, kFirstLink + 1};
  copy.overflow(1) = {
      entry(9, 2008), entry(9 + 64, 1000), entry(6, 1100), entry(6, 1200), 0, 0, 0, 0};
  for (const Way way : kWays) {
    Loaded loaded(copy, way);
    REQUIRE(loaded.outcome);
    CHECK(loaded.entries() == LoadedEntries{{5, {9, 3000}},
                                            {5, {8, 1500}},
                                            {6, {9, kTempInvalid}},
                                            {70, {9, 2008}},
                                            {70, {9 + 64, 1000}},
                                            {70, {6, 1200}}});
  }
}

TEST_CASE("an index that knows more than its log is damaged") {
  Copy copy;
  copy[100][0] = entry(1, 9000);
  for (const Way way : kWays) {
    const Loaded loaded(copy, way);
    REQUIRE_FALSE(loaded.outcome);
    CHECK(loaded.outcome.error().code == Errc::corrupt);
    CHECK(loaded.outcome.error().where == 9000);
  }
}

TEST_CASE("a chain that comes back to itself is damage, and no walk without end") {
  Copy copy;
  copy[0][7] = kFirstLink;
  copy.overflow(0)[7] = kFirstLink + 1;
  copy.overflow(1)[7] = kFirstLink;
  for (const Way way : kWays) {
    const Loaded loaded(copy, way);
    REQUIRE_FALSE(loaded.outcome);
    CHECK(loaded.outcome.error().code == Errc::corrupt);
  }
}
