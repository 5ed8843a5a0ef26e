// SPDX-License-Identifier: Apache-2.0
// A run that nobody played, whose store has committed one checkpoint: its files are on the disk.
#pragma once

#include <fmt/format.h>

#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "engine/base/crc32c.hpp"
#include "engine/store/events.hpp"
#include "engine/store/record.hpp"
#include "tests/scenarios/oracles/hand_made_run.hpp"

namespace orrery::scenarios {

inline constexpr const char* kFolder = "store/cpr-checkpoints/0000000000000003";

/// A cache whose only checkpoint, of version 1, holds one key: 5 is 7. Client 0 has written it, and
/// then another value in version 2.
struct CommittedRun : HandMadeRun {
  uint32_t page_bits = 9;
  int64_t start = 0;     // of the snapshot
  int64_t record = 512;  // the address of the record
  uint64_t value = 7;    // in the file
  uint64_t serial = 1;   // of client 0
  bool pages_synced = true;
  bool metadata_synced = true;
  bool names_synced = true;
  bool with_metadata = true;
  int64_t beyond = 0;  // so far above the final address lies what it calls flushed; 0: at start
  bool knows_session = true;

  CommittedRun() { scenario.cache = true; }

  std::string text() const {
    const int64_t final = record + 512;
    const std::string sessions =
        knows_session ? fmt::format("sessions 1\nsession 0 {}\n", serial) : "sessions 0\n";
    return fmt::format(
        "format 5\ntoken {:016x}\nuse_snapshot_file 1\nversion 1\nnext_version 2\nflushed {}\n"
        "snapshot_start {}\nstart {}\nfinal {}\nsnapshot_final {}\nhead {}\nbegin {}\n"
        "page_bits {}\nsector 512\nnull_main 1\npages 0\npages_checksum 0\nindex_token "
        "0000000000000000\nlog_start 0\n{}",
        3, beyond > 0 ? final + beyond : start, start, final, final, final, start, start, page_bits,
        sessions);
  }

  void write(engine::Runtime runtime) const {
    const std::string lines = text();
    std::vector<std::byte> info(1024);
    engine::put(info.data(), static_cast<uint32_t>(lines.size()));
    engine::put(info.data() + 4, engine::crc32c(engine::bytes_of(lines)));
    std::memcpy(info.data() + 8, lines.data(), lines.size());
    std::vector<std::byte> page(512);
    engine::put(page.data(), engine::RecordHeader::kValid);
    engine::put(page.data() + 8, int32_t{12});
    key_bytes(5, 12, std::span(page).subspan(12));
    engine::put(page.data() + 24, int32_t{20});
    encode_value(value, 20, std::span(page).subspan(28));
    const auto place = static_cast<uint64_t>(record - start);
    write_file(runtime, std::string(kFolder) + "/snapshot.dat", page, pages_synced, place);
    if (with_metadata) {
      write_file(runtime, std::string(kFolder) + "/info.dat", info, metadata_synced);
    }
    if (names_synced) (void)runtime.storage.sync_names();
  }

  std::string judge(Judge by) {
    in_world([this](engine::Runtime runtime) { write(runtime); });
    Ending first;
    first.result = 7;
    first.version = 1;
    first.address = record;
    does(OpKind::upsert, 5, 7, first);
    event(engine::events::kMetadataCommitted, 1);
    Ending second;
    second.result = 9;
    second.version = 2;
    does(OpKind::upsert, 5, 9, second);
    return label(by);
  }
};

}  // namespace orrery::scenarios
