// SPDX-License-Identifier: Apache-2.0
// The window after a snapshot page: never wider than the page, and wrong in the old way on request.
#include "engine/store/window.hpp"

#include <utility>
#include <vector>

#include "tests/catch.hpp"

using namespace orrery::engine;

namespace {

constexpr uint32_t kBits = 25;
constexpr int64_t kPage = int64_t{1} << kBits;
constexpr int64_t kOneMiB = int64_t{1} << 20;

// The faulty width for a page that ends `distance` bytes below safe_ro.
int64_t faulty_width(int64_t distance) {
  return post_flush_window(0, 0, kPage, kPage + distance, kBits, 32, true).width;
}

struct Sizes {
  const char* name;
  int64_t slots, empty;
  int64_t immutable_pages;                          // K
  std::vector<std::pair<int64_t, int64_t>> faulty;  // indices of pages, from and to
  int64_t first_width_mib;
};

}  // namespace

TEST_CASE("the window holds what is above safe_ro and below until") {
  const auto window = post_flush_window(3, 3 * kPage, 4 * kPage, 3 * kPage + 800, kBits, 32, false);
  CHECK(window.start == 3 * kPage + 800);
  CHECK(window.width == kPage - 800);
  const auto last = post_flush_window(3, 3 * kPage, 3 * kPage + 640, 0, kBits, 32, false);
  CHECK(last.start == 3 * kPage);
  CHECK(last.width == 640);
  CHECK(post_flush_window(3, 3 * kPage, 3 * kPage + 640, 5 * kPage, kBits, 32, false).width == 0);
}

TEST_CASE("the correct window stays inside its page for every distance") {
  const int64_t two_31 = int64_t{1} << 31;
  const int64_t two_32 = int64_t{1} << 32;
  for (const int64_t distance : {int64_t{1}, two_31 - 1, two_31, two_31 + 1, two_32 - kPage,
                                 two_32 - 1, two_32, 3 * two_31, -kPage, -kPage / 2}) {
    const LogAddr until = kPage - 8;
    const auto window = post_flush_window(0, 64, until, kPage + distance, kBits, 32, false);
    CHECK(window.width >= 0);
    CHECK(window.width <= kPage);
    if (window.width > 0) {
      CHECK(window.start >= 64);
      CHECK(window.start + window.width <= until);
    }
  }
}

TEST_CASE("the faulty window wraps as the table says") {
  const int64_t two_31 = int64_t{1} << 31;
  const int64_t two_32 = int64_t{1} << 32;
  CHECK(faulty_width(1) == -1);
  CHECK(faulty_width(two_31 - 1) == -(two_31 - 1));
  CHECK(faulty_width(two_31) == -two_31);
  CHECK(faulty_width(two_31 + 1) == two_31 - 1);
  CHECK(faulty_width(two_32 - kPage) == kPage);
  CHECK(faulty_width(two_32 - 1) == 1);
  CHECK(faulty_width(two_32) == 0);
  CHECK(faulty_width(127 * kPage) == 32 * kOneMiB);
  CHECK(faulty_width(126 * kPage) == 64 * kOneMiB);
  CHECK(faulty_width(65 * kPage) == 2016 * kOneMiB);
  CHECK(faulty_width(64 * kPage) == -two_31);
  CHECK(faulty_width(63 * kPage) < 0);
}

TEST_CASE("the pages of the genuine case, one by one") {
  // Of a cache of 40 GiB at rest: 128 pages below safe_ro; page i ends 127 - i pages below it.
  const auto width_of = [](int64_t i, bool faulty) {
    return post_flush_window(i, i * kPage, (i + 1) * kPage, 128 * kPage, kBits, 32, faulty).width;
  };
  for (int64_t i = 0; i <= 62; ++i) CHECK(width_of(i, true) == (i + 1) * 32 * kOneMiB);
  CHECK(width_of(63, true) == -2048 * kOneMiB);
  for (int64_t i = 64; i <= 126; ++i) CHECK(width_of(i, true) == -(127 - i) * 32 * kOneMiB);
  CHECK(width_of(127, true) == 0);
  for (int64_t i = 0; i <= 127; ++i) CHECK(width_of(i, false) == 0);
  // Above safe_ro both are right: the page, and all of it.
  for (int64_t i = 128; i < 1280; ++i) {
    CHECK(width_of(i, true) == 32 * kOneMiB);
    CHECK(width_of(i, false) == 32 * kOneMiB);
  }
}

TEST_CASE("the scale model wraps where the original does") {
  // 512-byte pages and 16 bits: 2^16 is 128 pages, as 2^32 is with 32 MiB pages.
  for (int64_t pages = 0; pages < 300; ++pages) {
    const auto model = post_flush_window(0, 0, 512, 512 + pages * 512, 9, 16, true);
    const auto full = post_flush_window(0, 0, kPage, kPage + pages * kPage, kBits, 32, true);
    CHECK(model.width * 65536 == full.width);
  }
}

TEST_CASE("memory sizes that are faulty at rest") {
  const Sizes sizes[] = {
      {"8g", 256, 0, 26, {}, 0},
      {"16g", 512, 0, 52, {}, 0},
      {"20g", 1024, 384, 64, {}, 0},
      {"20.5g", 1024, 368, 66, {{0, 0}}, 2016},
      {"24g", 1024, 256, 77, {{0, 11}}, 1664},
      {"32g", 1024, 0, 103, {{0, 37}}, 832},
      {"36g", 2048, 896, 116, {{0, 50}}, 416},
      {"40g", 2048, 768, 128, {{0, 62}}, 32},
      {"41g", 2048, 736, 132, {{4, 66}}, 32},
      {"48g", 2048, 512, 154, {{26, 88}}, 32},
      {"60g", 2048, 128, 192, {{64, 126}}, 32},
      {"64g", 2048, 0, 205, {{0, 11}, {77, 139}}, 1664},
      {"96g", 4096, 1024, 308, {{52, 114}, {180, 242}}, 32},
      {"128g", 4096, 0, 410, {{26, 88}, {154, 216}, {282, 344}}, 32},
  };
  for (const Sizes& row : sizes) {
    const int64_t lag = row.slots - 1 - row.empty;
    const int64_t immutable = lag - lag * 900 / 1000;
    INFO(row.name);
    CHECK(immutable == row.immutable_pages);
    std::vector<std::pair<int64_t, int64_t>> faulty;
    int64_t first_width = 0;
    for (int64_t page = 0; page < immutable; ++page) {
      const auto window = post_flush_window(page, page * kPage, (page + 1) * kPage,
                                            immutable * kPage, kBits, 32, true);
      if (window.width <= 0) continue;
      if (faulty.empty()) first_width = window.width / kOneMiB;
      if (faulty.empty() || faulty.back().second != page - 1) faulty.emplace_back(page, page);
      faulty.back().second = page;
    }
    CHECK(faulty == row.faulty);
    CHECK(first_width == row.first_width_mib);
  }
}
