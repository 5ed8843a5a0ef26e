// SPDX-License-Identifier: Apache-2.0
// The reader of checkpoints finds what is there, and names what is not as it must be.
#include "tests/scenarios/oracles/snapshot_image.hpp"

#include <array>

using namespace orrery::scenarios;

namespace {

SnapshotFinding of_text(const std::string& text) {
  Image image;
  image.info_file = Image::metadata(text);
  return only_finding(image, false);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("the metadata is read as it was written") {
  Image image;
  image.info.sessions = {{1, 100}, {2, 0}};
  SnapshotReader reader;
  REQUIRE(image.read(reader));
  const Checkpoint& info = reader.checkpoint();
  REQUIRE(info.token == image.info.token);
  REQUIRE(info.version == 3);
  REQUIRE(info.next_version == 4);
  REQUIRE(info.flushed == 1024);
  REQUIRE(info.snapshot_start == 1024);
  REQUIRE(info.start == 4096);
  REQUIRE(info.final == 4096);
  REQUIRE(info.snapshot_final == 4096);
  REQUIRE(info.head == 64);
  REQUIRE(info.begin == 64);
  REQUIRE(info.page_bits == 9);
  REQUIRE(info.sector == 512);
  REQUIRE_FALSE(info.null_main);
  REQUIRE(info.sessions.size() == 2);
  REQUIRE(info.sessions[0].id == 1);
  REQUIRE(info.sessions[0].serial == 100);
  REQUIRE(reader.entries().empty());
  REQUIRE(reader.findings().empty());
}

TEST_CASE("the newest record of a key counts, wherever it lies") {
  Image image;
  image.put(64, kValid, 5, 50);
  image.put(128, kValid, 6, 60);
  image.put(1024, kValid | kSealed, 5, 51);  // on the page that holds `flushed`
  image.put(2048, kValid, 5, 52, 33);
  image.put(2560, kValid, 7, 70, 8);
  REQUIRE(well_read(image) == Pairs{{5, 52}, {6, 60}, {7, 70}});
  SnapshotReader reader;
  REQUIRE(image.read(reader));
  REQUIRE(reader.find(5)->address == 2048);
  REQUIRE(reader.find(6)->address == 128);
  REQUIRE(reader.find(8) == nullptr);
}

TEST_CASE("a tombstone removes its key, a later record brings it back") {
  Image image;
  uint64_t at = image.put(64, kValid, 5, 50);
  at = image.put(at, kValid, 6, 60);
  at = image.put(at, kValid | kTombstone, 5, 0, 0);
  at = image.put(at, kValid | kTombstone, 6, 0, 0);
  image.put(2048, kValid, 6, 61);
  REQUIRE(well_read(image) == Pairs{{6, 61}});
}

TEST_CASE("records of the next version are undone, those of earlier checkpoints stay") {
  Image image;
  image.info.start = 2048;
  image.put(1536, kValid | kInNewVersion, 5, 50);  // the bit is left from an earlier checkpoint
  image.put(2048, kValid | kInNewVersion, 5, 51);
  image.put(2560, kValid | kInNewVersion, 6, 60);
  image.put(3072, kValid | kInNewVersion | kTombstone, 5, 0, 0);
  image.put(3584, kValid, 7, 70);
  REQUIRE(well_read(image) == Pairs{{5, 50}, {7, 70}});
}

TEST_CASE("invalid records and holes are stepped over") {
  Image image;
  uint64_t at = image.put(64, kValid, 5, 50);
  at = image.put(at, kSealed, 5, 99);  // never linked
  at = image.put(at + 40, kValid, 6, 60);
  image.put(at + 8, kValid, 7, 70);
  image.put(3072, kValid, 8, 80);  // after pages that were evicted, and left out
  REQUIRE(well_read(image) == Pairs{{5, 50}, {6, 60}, {7, 70}, {8, 80}});
}

TEST_CASE("a filler belongs to its record") {
  Image image;
  image.put(64, kValid | kFiller, 5, 50, 9);
  image.store(64 + 24 + 16, int32_t{20});  // behind 4 + 9 bytes, rounded up to 4
  // What the slack holds is not looked at. The record ends at 64 + 24 + 13 + 20, rounded up to 8.
  for (uint64_t at = 64 + 24 + 20; at < 184; ++at) image.log[at] = std::byte{0xFF};
  image.put(184 + 8, kValid, 6, 60);
  for (uint64_t at = 64 + 64; at < 192; ++at) image.log[at] = std::byte{0};
  REQUIRE(well_read(image) == Pairs{{5, 50}, {6, 60}});
}

TEST_CASE("only what is between begin and final counts") {
  Image image;
  const uint64_t begin = image.put(64, kValid, 5, 50);
  const uint64_t final = image.put(2048, kValid, 6, 60);
  image.put(final, kValid, 7, 70);
  image.info.begin = static_cast<int64_t>(begin);
  image.info.final = image.info.snapshot_final = image.info.start = static_cast<int64_t>(final);
  REQUIRE(well_read(image) == Pairs{{6, 60}});
}

TEST_CASE("below flushed the main log is the source, else the snapshot") {
  Image image;
  image.info.flushed = 1500;  // moved on since the snapshot began at 1024
  const uint64_t at = image.put(512, kValid, 5, 50);
  image.put(at, kValid, 6, 60);
  image.put(1024, kValid, 5, 51);
  image.put(1280, kValid, 6, 61);
  image.main_device = image.log;
  image.snapshot_file.assign(image.log.begin() + 1024, image.log.begin() + 4096);
  std::fill(image.main_device.begin() + 1024, image.main_device.end(), std::byte{0xFF});
  REQUIRE(well_read(image) == Pairs{{5, 51}, {6, 61}});
}

TEST_CASE("without a main log the snapshot is all there is") {
  Image image;
  image.info.null_main = true;
  image.info.snapshot_start = image.info.head = 1024;
  image.info.flushed = 2048;  // the head went on
  image.put(512, kValid, 4, 40);
  image.put(1024, kValid, 5, 50);
  image.put(2048, kValid, 6, 60);
  REQUIRE(well_read(image) == Pairs{{5, 50}, {6, 60}});
}

TEST_CASE("a cache has lost what lies below a page that was left out of its snapshot") {
  Image image;
  image.info.null_main = true;
  image.info.snapshot_start = image.info.head = image.info.flushed = 1024;
  image.put(1024, kValid, 5, 50);  // replaced in the page that is lost
  image.put(2048, kValid, 6, 60);
  const auto read_without = [&](std::initializer_list<size_t> left_out) {
    image.table.assign(6 * 8, std::byte{});
    for (size_t page = 0; page < 6; ++page) image.check_page(page);
    for (const size_t page : left_out) image.table[page * 8 + 4] = std::byte{};
    return well_read(image);
  };
  CHECK(read_without({}) == Pairs{{5, 50}, {6, 60}});
  CHECK(read_without({1}) == Pairs{{6, 60}});
  CHECK(read_without({2}).empty());
  CHECK(read_without({5}).empty());
}

TEST_CASE("pages are spread by their stride if they are smaller than a sector") {
  Image image;
  image.info.page_bits = 8;
  image.info.flushed = image.info.snapshot_start = 256;
  image.info.final = image.info.snapshot_final = image.info.start = 1024;
  image.put(64, kValid, 5, 50);
  image.put(256, kValid, 6, 60);
  image.put(768, kValid, 7, 70);
  image.main_device.assign(image.log.begin(), image.log.begin() + 256);
  image.snapshot_file.resize(3 * 512, std::byte{0xFF});
  for (ptrdiff_t page = 1; page < 4; ++page) {
    std::copy_n(image.log.begin() + page * 256, 256,
                image.snapshot_file.begin() + (page - 1) * 512);
  }
  REQUIRE(well_read(image) == Pairs{{5, 50}, {6, 60}, {7, 70}});
}

TEST_CASE("what a file does not have counts as zeros") {
  Image image;
  image.put(64, kValid, 5, 50);
  image.put(3072, kValid, 6, 60);
  image.main_device.assign(image.log.begin(), image.log.begin() + 512);
  image.snapshot_file.assign(image.log.begin() + 1024, image.log.begin() + 1536);
  REQUIRE(well_read(image) == Pairs{{5, 50}});
  // A valid record of which only a part is there is no hole.
  image.snapshot_file.assign(image.log.begin() + 1024, image.log.begin() + 3072 + 32);
  const SnapshotFinding finding = only_finding(image, true);
  REQUIRE(finding.flaw == Flaw::record_cut_off);
  REQUIRE(finding.where == 3072);
}

TEST_CASE("metadata that was not written whole is refused") {
  Image image;
  image.info_file = Image::metadata(image.text());
  const std::vector<std::byte> whole = image.info_file;
  image.info_file.resize(4);
  REQUIRE(only_finding(image, false).flaw == Flaw::metadata_size);
  image.info_file.assign(whole.begin(), whole.begin() + 100);
  REQUIRE(only_finding(image, false).flaw == Flaw::metadata_size);
  image.info_file = whole;
  image.info_file[40] ^= std::byte{1};
  REQUIRE(only_finding(image, false).flaw == Flaw::metadata_checksum);
  image.info_file.assign(512, std::byte{0});
  REQUIRE(only_finding(image, false).flaw == Flaw::metadata_text);
  // The padding is not part of it.
  image.info_file.assign(whole.begin(),
                         whole.begin() + 8 + static_cast<ptrdiff_t>(image.text().size()));
  REQUIRE(well_read(image).empty());
}

TEST_CASE("metadata that says something else is refused, at the place") {
  Image image;
  image.info.sessions = {{1, 100}};
  const std::string text = image.text();
  const auto refused = [&](const std::string& from, const std::string& to) {
    const SnapshotFinding finding = of_text(replaced(text, from, to));
    REQUIRE(finding.flaw == Flaw::metadata_text);
    return static_cast<size_t>(finding.where) - 8;
  };
  REQUIRE(refused("version 3\n", "") == text.find("version 3"));
  REQUIRE(refused("flushed 1024", "flushed 10x4") == text.find("flushed"));
  REQUIRE(refused("flushed 1024", "flushed ") == text.find("flushed"));
  REQUIRE(refused("flushed 1024", "flushed  1024") == text.find("flushed"));
  REQUIRE(refused("head 64", "head 99999999999999999999") == text.find("head"));
  REQUIRE(refused("token fed", "token ed") == text.find("token"));
  REQUIRE(refused("session 1 100\n", "") == text.find("session 1 100"));
  REQUIRE(refused("session 1 100\n", "session 1 100") == text.find("session 1 100"));
  REQUIRE(refused("session 1 100\n", "session 1 100\nmore\n") == text.size());
  REQUIRE(refused("sessions 1", "sessions 0") == text.find("session 1 100"));
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"format 5", "format 4"},
           {"use_snapshot_file 1", "use_snapshot_file 2"},
           {"null_main 0", "null_main 2"},
           {"page_bits 9", "page_bits 5"},
           {"page_bits 9", "page_bits 31"},
           {"sector 512", "sector 0"},
           {"sector 512", "sector 513"},
           {"head 64", "head -8"},
           {"log_start 0", "log_start -8"},
           {"final 4096", "final 281474976710656"}}) {
    REQUIRE(of_text(replaced(text, from, to)).flaw == Flaw::metadata_value);
  }
}

TEST_CASE("metadata that contradicts itself is reported, and read all the same") {
  Image image;
  image.put(64, kValid, 5, 50);
  image.info.flushed = 4104;
  image.main_device = image.log;
  SnapshotReader reader;
  REQUIRE(image.read(reader));
  REQUIRE(reader.findings().size() == 1);
  REQUIRE(reader.findings()[0].flaw == Flaw::metadata_order);
  REQUIRE(reader.findings()[0].where == 4104);
  REQUIRE(reader.findings()[0].text == "info.dat breaks flushed <= final: 4104 and 4096");
  REQUIRE(pairs_of(reader) == Pairs{{5, 50}});

  const auto broken = [](auto change) {
    Image other;
    other.main_device = other.snapshot_file = other.log;
    change(other.info);
    REQUIRE(only_finding(other, true).flaw == Flaw::metadata_order);
  };
  broken([](Checkpoint& info) { info.snapshot_start = 1032; });
  broken([](Checkpoint& info) { info.start = 4104; });
  broken([](Checkpoint& info) { info.head = 4104; });
  broken([](Checkpoint& info) { info.begin = 4104; });
  broken([](Checkpoint& info) { info.snapshot_final = 4088; });
  broken([](Checkpoint& info) { info.next_version = 5; });
}

TEST_CASE("a length that leads astray is reported with the address of its record") {
  const auto finding_for = [](auto change) {
    Image image;
    image.put(1024, kValid, 5, 50);
    image.put(1072, kValid, 6, 60);
    image.put(1536, kValid, 7, 70);  // the next page is not affected
    change(image);
    SnapshotReader reader;
    REQUIRE(image.read(reader));
    REQUIRE(reader.findings().size() == 1);
    REQUIRE(pairs_of(reader) == Pairs{{5, 50}, {7, 70}});
    REQUIRE(reader.findings()[0].flaw == Flaw::record_length);
    REQUIRE(reader.findings()[0].where == 1072);
    return reader.findings()[0].text;
  };
  const auto says = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  for (const int32_t size : {-1, -8, INT32_MIN}) {
    REQUIRE(says(finding_for([&](Image& image) { image.store(1080, size); }), "not positive"));
    REQUIRE(says(finding_for([&](Image& image) { image.store(1096, size); }), "not positive"));
  }
  for (const int32_t size : {460, 500, INT32_MAX - 8, INT32_MAX}) {
    REQUIRE(says(finding_for([&](Image& image) { image.store(1080, size); }), "out of its page"));
    REQUIRE(says(finding_for([&](Image& image) { image.store(1096, size); }), "out of its page"));
  }
  const auto filled = [&](int32_t extra) {
    return finding_for([&](Image& image) {
      image.store(1072, kValid | kFiller);
      image.store(1096 + 20, extra);
    });
  };
  REQUIRE(says(filled(-1), "not positive"));
  REQUIRE(says(filled(500), "out of its page"));
}

TEST_CASE("a header at the very end of a page or of the log has no room for a record") {
  Image image;
  image.store(1536 - 8, kValid);
  REQUIRE(only_finding(image, true).where == 1528);
  Image cut;
  cut.put(2048, kValid, 5, 50);
  cut.info.final = cut.info.snapshot_final = cut.info.start = 2048 + 40;
  const SnapshotFinding finding = only_finding(cut, true);
  REQUIRE(finding.where == 2048);
  REQUIRE(finding.text.find("beyond the end of the log") != std::string::npos);
  REQUIRE_FALSE(finding.fuzzy);
}

TEST_CASE("a finding says if the next version was being written there") {
  Image image;
  image.info.start = 2048;
  image.put(2048, kValid | kInNewVersion, 5, 50);
  image.store(2056, int32_t{-1});
  REQUIRE(only_finding(image, true).fuzzy);
}

TEST_CASE("keys of any length are told apart") {
  Image image;
  std::vector<std::string> keys{"", "a", "ab", "12345678", "12345678a", "12345678b"};
  uint64_t at = 64;
  for (const std::string& key : keys) {
    image.store(at, kValid);
    image.store(at + 8, static_cast<int32_t>(key.size()));
    std::memcpy(image.log.data() + at + 12, key.data(), key.size());
    at += 8 + round_up(4 + key.size(), 8) + 8;
  }
  SnapshotReader reader;
  REQUIRE(image.read(reader));
  REQUIRE(reader.findings().empty());
  REQUIRE(reader.entries().size() == keys.size());
}

TEST_CASE("damaged files are survived, and nothing is read beyond them") {
  SnapshotReader reader;
  ToyRandom random(64);
  for (int round = 0; round < 3000; ++round) {
    Image image;
    image.info.start = 2048;
    uint64_t at = 64;
    while (at < 3900) {
      if (at % 512 + 80 > 512) at = round_up(at, 512);
      const uint64_t extra = random.once_in(4) ? kInNewVersion : random.once_in(4) ? kTombstone : 0;
      at = image.put(at, random.once_in(8) ? kSealed : kValid | extra, random.below(9), at, 40);
    }
    for (uint64_t i = random.below(12); i > 0; --i) {
      image.log[random.below(4096)] = static_cast<std::byte>(random.below(256));
    }
    std::string text = image.text();
    if (random.once_in(3)) {
      for (uint64_t i = random.below(4); i > 0; --i) {
        text[random.below(text.size())] = static_cast<char>('0' + random.below(10));
      }
    }
    image.info_file = Image::metadata(text);
    image.main_device.assign(image.log.begin(), image.log.begin() + 1024);
    image.snapshot_file.assign(image.log.begin() + 1024, image.log.begin() + 4096);
    if (random.once_in(3)) image.snapshot_file.resize(random.below(3072));
    if (random.once_in(3)) image.main_device.resize(random.below(1024));
    if (random.once_in(20)) image.info_file.resize(random.below(512));
    for (std::vector<std::byte>* file :
         {&image.info_file, &image.main_device, &image.snapshot_file}) {
      file->shrink_to_fit();  // so that a sanitizer sees a step beyond the end
    }
    image.read(reader);
    for (const RecoveredEntry& entry : reader.entries()) decode_value(entry.value);
  }
}
