// SPDX-License-Identifier: Apache-2.0
// Checkpoints made by hand, byte by byte, for tests of whoever reads them.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/crc32c.hpp"
#include "engine/store/page_table.hpp"
#include "scenarios/history.hpp"
#include "scenarios/oracles/page_image.hpp"
#include "scenarios/oracles/snapshot_reader.hpp"
#include "tests/catch.hpp"
#include "tests/scenarios/oracles/toy_store.hpp"

namespace orrery::scenarios {

using orrery::engine::Bytes;
using orrery::engine::bytes_of;
using orrery::engine::round_up;

/// A checkpoint made by hand: 512-byte pages, so that an address is also an offset in the log.
class Image {
 public:
  Checkpoint info;
  std::vector<std::byte> log = std::vector<std::byte>(8192);  // all records, by address
  std::vector<std::byte> main_device;                         // if empty: what is flushed
  std::vector<std::byte> snapshot_file;                       // if empty: what belongs there
  std::vector<std::byte> info_file;                           // if empty: made from `info`
  std::vector<std::byte> table;                               // of pages; may be empty

  Image() {
    info.token = 0xFEDCBA9876543210U;
    info.version = 3;
    info.next_version = 4;
    info.page_bits = 9;
    info.sector = 512;
    info.flushed = info.snapshot_start = 1024;
    info.start = info.final = info.snapshot_final = 4096;
    info.begin = info.head = 64;
  }

  /// Returns the address behind the record.
  uint64_t put(uint64_t at, uint64_t header, uint64_t key, uint64_t value, size_t value_size = 16) {
    store(at, header);
    store(at + 8, int32_t{12});
    key_bytes(key, 12, std::span(log).subspan(at + 12));
    store(at + 24, static_cast<int32_t>(value_size));
    if (value_size != 0) encode_value(value, value_size, std::span(log).subspan(at + 28));
    return at + 24 + round_up(4 + value_size, 8);
  }

  template <typename Number>
  void store(uint64_t at, Number number) {
    orrery::engine::put(log.data() + at, number);
  }

  bool read(SnapshotReader& reader) {
    if (info_file.empty()) info_file = metadata(text());
    const auto size = static_cast<uint64_t>(info.final);
    const auto start = static_cast<uint64_t>(info.snapshot_start) / 512 * 512;
    if (main_device.empty()) {
      main_device.assign(log.begin(), log.begin() + static_cast<ptrdiff_t>(info.flushed));
    }
    if (snapshot_file.empty() && start < size) {
      snapshot_file.assign(log.begin() + static_cast<ptrdiff_t>(start),
                           log.begin() + static_cast<ptrdiff_t>(round_up(size, 512)));
    }
    return reader.read(
        {info_file, FileView(snapshot_file), FileView(main_device), FileView(table)});
  }

  /// The entry of a page of the snapshot: its checksum is of what lies from the offset on.
  void check_page(size_t number, uint32_t from = 0) {
    const auto address = static_cast<size_t>(info.snapshot_start) / 512 * 512 + number * 512;
    const Bytes page = Bytes(log).subspan(address, 512);
    orrery::engine::put(table.data() + number * 8,
                        orrery::engine::page_checksum(page.subspan(from)));
    orrery::engine::put(table.data() + number * 8 + 4, from / 8 << 2 | 2);
  }

  std::string text() const {
    std::string lines = fmt::format(
        "format 5\ntoken {:016x}\nuse_snapshot_file 1\nversion {}\nnext_version {}\nflushed {}\n"
        "snapshot_start {}\nstart {}\nfinal {}\nsnapshot_final {}\nhead {}\nbegin {}\n"
        "page_bits {}\nsector {}\nnull_main {}\npages {}\npages_checksum 0\nindex_token "
        "0000000000000000\nlog_start 0\nsessions {}\n",
        info.token, info.version, info.next_version, info.flushed, info.snapshot_start, info.start,
        info.final, info.snapshot_final, info.head, info.begin, info.page_bits, info.sector,
        info.null_main ? 1 : 0, table.size() / 8, info.sessions.size());
    for (const SessionMark& mark : info.sessions) {
      lines += fmt::format("session {} {}\n", mark.id, mark.serial);
    }
    return lines;
  }

  static std::vector<std::byte> metadata(const std::string& text) {
    std::vector<std::byte> file(round_up(8 + text.size(), 512));
    orrery::engine::put(file.data(), static_cast<uint32_t>(text.size()));
    orrery::engine::put(file.data() + 4, orrery::engine::crc32c(bytes_of(text)));
    std::memcpy(file.data() + 8, text.data(), text.size());
    return file;
  }
};

using Pairs = std::vector<std::pair<uint64_t, uint64_t>>;

inline Pairs pairs_of(const SnapshotReader& reader) {
  Pairs pairs;
  for (const RecoveredEntry& entry : reader.entries()) {
    REQUIRE(decode_key(entry.key) == entry.number);
    pairs.emplace_back(entry.number, decode_value(entry.value).value());
  }
  return pairs;
}

inline Pairs well_read(Image image) {
  SnapshotReader reader;
  REQUIRE(image.read(reader));
  for (const auto& finding : reader.findings()) FAIL(finding.text);
  return pairs_of(reader);
}

/// The one finding of an image whose metadata can be used, or not.
inline SnapshotFinding only_finding(Image image, bool usable) {
  SnapshotReader reader;
  REQUIRE(image.read(reader) == usable);
  REQUIRE(reader.findings().size() == 1);
  return reader.findings()[0];
}

}  // namespace orrery::scenarios
