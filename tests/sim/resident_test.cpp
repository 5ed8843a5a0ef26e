// SPDX-License-Identifier: Apache-2.0
// Which pages hold anything, and the sparse copies and hashes that rely on it.
#include "sim/resident.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "sim/sparse.hpp"
#include "tests/catch.hpp"

using namespace orrery;

namespace {

constexpr size_t kPage = sim::kOsPage;

/// Untouched memory of so many pages.
class Untouched {
 public:
  explicit Untouched(size_t pages) : size_(pages * kPage) {
    void* const block = mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(block != MAP_FAILED);
    madvise(block, size_, MADV_NOHUGEPAGE);
    start_ = static_cast<std::byte*>(block);
  }
  ~Untouched() { munmap(start_, size_); }
  Untouched(const Untouched&) = delete;
  Untouched& operator=(const Untouched&) = delete;
  std::byte* at(size_t page) const { return start_ + page * kPage; }

 private:
  size_t size_;
  std::byte* start_ = nullptr;
};

std::string held(sim::ResidentPages& pages, const Untouched& memory, size_t first, size_t count) {
  pages.ask(reinterpret_cast<uintptr_t>(memory.at(first)), count);
  std::string text;
  for (size_t i = 0; i < pages.count(); ++i) text += pages.holds(i) ? 'x' : '.';
  return text;
}

}  // namespace

TEST_CASE("a page holds something from its first write until it is given back", "[resident]") {
  const Untouched memory(10'000);
  sim::ResidentPages pages;
  REQUIRE(held(pages, memory, 0, 6) == "......");
  *memory.at(1) = std::byte{1};
  *memory.at(4) = std::byte{1};
  *memory.at(9'999) = std::byte{1};
  REQUIRE(held(pages, memory, 0, 6) == ".x..x.");
  REQUIRE(held(pages, memory, 4, 2) == "x.");
  // More than is asked at once.
  const std::string all = held(pages, memory, 0, 10'000);
  REQUIRE(all.size() == 10'000);
  REQUIRE(std::count(all.begin(), all.end(), 'x') == 3);
  REQUIRE(all.back() == 'x');
  madvise(memory.at(4), kPage, MADV_DONTNEED);
  REQUIRE(held(pages, memory, 0, 6) == ".x....");
}

TEST_CASE("a sparse copy holds what its source holds, and touches nothing else", "[resident]") {
  const Untouched source(16);
  const Untouched target(16);
  std::memset(source.at(3) + 100, 'a', kPage);  // into page 4
  std::memset(target.at(8), 'b', kPage);        // what the source does not have reads as zeros
  sim::Sparse sparse;
  sparse.copy(target.at(0), source.at(0), 16 * kPage);
  REQUIRE(std::memcmp(target.at(3), source.at(3), 2 * kPage) == 0);
  REQUIRE(*target.at(8) == std::byte{0});
  sim::ResidentPages pages;
  REQUIRE(held(pages, target, 0, 16) == "...xx...x.......");
}

TEST_CASE("a sparse hash depends on the bytes, not on which zeros were touched", "[resident]") {
  const Untouched one(16);
  const Untouched other(16);
  *one.at(5) = *other.at(5) = std::byte{7};
  *other.at(9) = std::byte{0};
  sim::Sparse sparse;
  const uint64_t hash = sparse.hash(one.at(0), 16 * kPage);
  REQUIRE(sparse.hash(other.at(0), 16 * kPage) == hash);
  *other.at(9) = std::byte{1};
  REQUIRE(sparse.hash(other.at(0), 16 * kPage) != hash);
  *other.at(9) = std::byte{0};
  *other.at(5) = std::byte{8};
  REQUIRE(sparse.hash(other.at(0), 16 * kPage) != hash);
}
