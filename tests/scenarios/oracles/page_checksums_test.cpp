// SPDX-License-Identifier: Apache-2.0
// What the checksums of a snapshot's pages must cover, and that they are those of the bytes.
#include "tests/scenarios/oracles/snapshot_image.hpp"

using namespace orrery::scenarios;

TEST_CASE("the checksum of a page covers it from where the checkpoint begins") {
  struct Case {
    int64_t begin;
    size_t page;  // of the snapshot, the first at 1024
    uint32_t from;
    bool fine;
  };
  for (const Case& one :
       {Case{64, 0, 0, true}, Case{64, 1, 8, false}, Case{1664, 1, 128, true},
        Case{1664, 1, 136, false}, Case{1664, 2, 8, false}, Case{1664, 0, 512, true}}) {
    Image image;
    image.info.begin = one.begin;
    image.table.assign(6 * 8, std::byte{});
    for (size_t page = 0; page < 6; ++page) image.check_page(page);
    image.check_page(one.page, one.from);
    INFO("from " << one.from << " of page " << one.page << ", begin " << one.begin);
    if (one.fine) {
      REQUIRE(well_read(image).empty());
    } else {
      REQUIRE(only_finding(image, true).flaw == Flaw::page_table);
    }
  }
}

TEST_CASE("the checksum of a page is that of its bytes, but for what may change meanwhile") {
  Image image;
  image.put(1536, kValid, 5, 50);
  image.table.assign(6 * 8, std::byte{});
  for (size_t page = 0; page < 6; ++page) image.check_page(page);
  REQUIRE(well_read(image) == Pairs{{5, 50}});
  image.store(1536, kValid | kSealed);
  REQUIRE(well_read(image) == Pairs{{5, 50}});
  image.store(1536, kValid | kInNewVersion);
  REQUIRE(only_finding(image, true).flaw == Flaw::page_table);
}
