// SPDX-License-Identifier: Apache-2.0
#include "scenarios/oracles/snapshot_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "engine/base/check.hpp"
#include "engine/base/crc32c.hpp"
#include "scenarios/oracles/lines.hpp"
#include "scenarios/oracles/page_image.hpp"

namespace orrery::scenarios {
namespace {

using engine::Bytes;
using engine::get;
using engine::round_up;

constexpr size_t kMetadataHeader = 8;
constexpr int64_t kAddressEnd = int64_t{1} << 47;
constexpr uint32_t kPageBitsMin = 6;
constexpr uint32_t kPageBitsMax = 30;
constexpr uint64_t kSectorMax = uint64_t{1} << 20;

// The newest record of a key. Key and value are kept at these places in Scratch::kept.
struct Newest {
  uint64_t hash;
  size_t key_at, key_size;
  size_t value_at, value_room;
  uint64_t value_size;
  int64_t address;
  bool erased;

  size_t value_kept() const { return std::min<size_t>(value_size, kValueKept); }
};

constexpr uint64_t kTableEntry = 8;
constexpr uint32_t kChecked = 2;
// So many at the start: up to the last one that was left out.
uint64_t pages_lost(const FileView& table, uint64_t pages);
uint32_t word_of(const FileView& table, uint64_t page, uint64_t at);
uint64_t number_of(Bytes key);
uint64_t hash_of(Bytes key);
bool same_bytes(Bytes a, Bytes b);
bool sorts_before(const RecoveredEntry& a, const RecoveredEntry& b);

}  // namespace

struct SnapshotReader::Scratch {
  Checkpoint checkpoint;
  std::vector<RecoveredEntry> entries;
  std::vector<SnapshotFinding> findings;
  std::vector<Newest> newest;    // one for each key seen
  std::vector<std::byte> kept;   // their bytes
  std::vector<std::byte> bytes;  // of the page at hand
  std::vector<std::byte> key;    // of the record at hand
  std::vector<uint32_t> places;  // an open table of 1 + index in `newest`; 0: empty

  void clear();
  void found(Flaw flaw, int64_t where, bool fuzzy, std::string text);
  bool read_metadata(Bytes info);
  bool parse(std::string_view text);
  bool usable();
  void check_order();
  void judge_table(const CheckpointFiles& files);
  void walk_files(const CheckpointFiles& files);
  void walk(const PageImage& page);
  void take(const PageImage& page, uint64_t at, uint64_t header, const RecordLayout& layout);
  uint32_t& place_of(uint64_t hash, Bytes key);
  void grow();
  void keep_present();
};

SnapshotReader::SnapshotReader() : scratch_(std::make_unique<Scratch>()) {}

SnapshotReader::~SnapshotReader() = default;

bool SnapshotReader::read_metadata(Bytes info) {
  scratch_->clear();
  if (!scratch_->read_metadata(info)) return false;
  scratch_->check_order();
  return true;
}

bool SnapshotReader::read(const CheckpointFiles& files) {
  if (!read_metadata(files.info)) return false;
  if (scratch_->checkpoint.use_snapshot_file) scratch_->judge_table(files);
  scratch_->walk_files(files);
  scratch_->keep_present();
  return true;
}

const Checkpoint& SnapshotReader::checkpoint() const { return scratch_->checkpoint; }

std::span<const RecoveredEntry> SnapshotReader::entries() const { return scratch_->entries; }

std::span<const SnapshotFinding> SnapshotReader::findings() const { return scratch_->findings; }

const RecoveredEntry* SnapshotReader::find(uint64_t number) const {
  const auto& entries = scratch_->entries;
  const auto at =
      std::partition_point(entries.begin(), entries.end(),
                           [&](const RecoveredEntry& entry) { return entry.number < number; });
  return at == entries.end() || at->number != number ? nullptr : &*at;
}

void SnapshotReader::Scratch::clear() {
  checkpoint.sessions.clear();
  entries.clear();
  findings.clear();
  newest.clear();
  kept.clear();
  std::fill(places.begin(), places.end(), 0U);
}

void SnapshotReader::Scratch::found(Flaw flaw, int64_t where, bool fuzzy, std::string text) {
  findings.push_back({flaw, where, fuzzy, std::move(text)});
}

bool SnapshotReader::Scratch::read_metadata(Bytes info) {
  if (info.size() < kMetadataHeader) {
    found(Flaw::metadata_size, 0, false, fmt::format("info.dat has {} bytes only", info.size()));
    return false;
  }
  const auto size = get<uint32_t>(info.data());
  const auto checksum = get<uint32_t>(info.data() + 4);
  if (size > info.size() - kMetadataHeader) {
    found(Flaw::metadata_size, 0, false,
          fmt::format("info.dat says that {} bytes follow, {} do", size,
                      info.size() - kMetadataHeader));
    return false;
  }
  const Bytes payload = info.subspan(kMetadataHeader, size);
  const uint32_t actual = engine::crc32c(payload);
  if (actual != checksum) {
    found(Flaw::metadata_checksum, 4, false,
          fmt::format("info.dat has the checksum {:08x}, its bytes {:08x}", checksum, actual));
    return false;
  }
  return parse(engine::text_of(payload)) && usable();
}

bool SnapshotReader::Scratch::parse(std::string_view text) {
  Checkpoint& c = checkpoint;
  uint64_t format = 0;
  uint64_t use_snapshot_file = 0;
  uint64_t null_main = 0;
  uint64_t sessions = 0;
  Lines lines(text);
  bool well = lines.number("format", format) && lines.number("token", c.token, 16) &&
              lines.number("use_snapshot_file", use_snapshot_file) &&
              lines.number("version", c.version) && lines.number("next_version", c.next_version) &&
              lines.number("flushed", c.flushed) &&
              lines.number("snapshot_start", c.snapshot_start) && lines.number("start", c.start) &&
              lines.number("final", c.final) && lines.number("snapshot_final", c.snapshot_final) &&
              lines.number("head", c.head) && lines.number("begin", c.begin) &&
              lines.number("page_bits", c.page_bits) && lines.number("sector", c.sector) &&
              lines.number("null_main", null_main) && lines.number("pages", c.pages) &&
              lines.number("pages_checksum", c.pages_checksum) &&
              lines.number("index_token", c.index_token, 16) &&
              lines.number("log_start", c.log_start) && lines.number("sessions", sessions);
  for (uint64_t i = 0; well && i < sessions; ++i) {
    SessionMark mark;
    well = lines.pair("session", mark.id, mark.serial);
    if (well) c.sessions.push_back(mark);
  }
  if (!well || !lines.at_end()) {
    const size_t where = kMetadataHeader + lines.at();
    found(Flaw::metadata_text, static_cast<int64_t>(where), false,
          fmt::format("info.dat does not go on as it must at byte {}", where));
    return false;
  }
  c.null_main = null_main == 1;
  c.use_snapshot_file = use_snapshot_file == 1;
  if (format == 5 && use_snapshot_file <= 1 && null_main <= 1) return true;
  found(Flaw::metadata_value, 0, false,
        fmt::format("info.dat has format {}, use_snapshot_file {}, null_main {}", format,
                    use_snapshot_file, null_main));
  return false;
}

// Without these there is no telling where a record would be.
bool SnapshotReader::Scratch::usable() {
  const Checkpoint& c = checkpoint;
  const auto wrong = [this](std::string_view name, auto value) {
    found(Flaw::metadata_value, 0, false, fmt::format("info.dat has {} {}", name, value));
  };
  if (c.page_bits < kPageBitsMin || c.page_bits > kPageBitsMax) wrong("page_bits", c.page_bits);
  const bool power = c.sector != 0 && (c.sector & (c.sector - 1)) == 0;
  if (!power || c.sector > kSectorMax) wrong("sector", c.sector);
  const std::pair<std::string_view, int64_t> addresses[] = {{"flushed", c.flushed},
                                                            {"snapshot_start", c.snapshot_start},
                                                            {"start", c.start},
                                                            {"final", c.final},
                                                            {"snapshot_final", c.snapshot_final},
                                                            {"head", c.head},
                                                            {"begin", c.begin},
                                                            {"log_start", c.log_start}};
  for (const auto& [name, address] : addresses) {
    if (address < 0 || address > kAddressEnd) wrong(name, address);
  }
  return findings.empty();
}

// What holds of every checkpoint of a correct engine. `flushed` is sampled when the metadata is
// written, long after `final`: an engine that does not mind gets this wrong under load.
void SnapshotReader::Scratch::check_order() {
  const Checkpoint& c = checkpoint;
  const auto expect = [this](bool holds, std::string_view rule, int64_t left, int64_t right) {
    if (holds) return;
    found(Flaw::metadata_order, left, false,
          fmt::format("info.dat breaks {}: {} and {}", rule, left, right));
  };
  const auto ordered = [&](std::string_view rule, int64_t left, int64_t right) {
    expect(left <= right, rule, left, right);
  };
  ordered("snapshot_start <= flushed", c.snapshot_start, c.flushed);
  ordered("flushed <= final", c.flushed, c.final);
  ordered("snapshot_start <= final", c.snapshot_start, c.final);
  ordered("start <= final", c.start, c.final);
  ordered("head <= final", c.head, c.final);
  ordered("begin <= final", c.begin, c.final);
  expect(c.use_snapshot_file || c.flushed == c.final, "flushed == final, when folded over",
         c.flushed, c.final);
  expect(c.use_snapshot_file || !c.null_main, "a main log to fold over to", 0, 1);
  expect(c.final == c.snapshot_final, "final == snapshot_final", c.final, c.snapshot_final);
  expect(c.next_version == c.version + 1, "next_version == version + 1",
         static_cast<int64_t>(c.next_version), static_cast<int64_t>(c.version));
}

// Recovery can tell a damaged page from what was written only by what its checksum covers: all that
// there was when the checkpoint began.
void SnapshotReader::Scratch::judge_table(const CheckpointFiles& files) {
  const Checkpoint& c = checkpoint;
  const uint64_t size = uint64_t{1} << c.page_bits;
  const uint64_t first = static_cast<uint64_t>(c.snapshot_start) >> c.page_bits;
  const uint64_t there = std::min(c.pages, files.table.size() / kTableEntry);
  for (uint64_t i = 0; i < there; ++i) {
    const uint32_t word = word_of(files.table, i, 4);
    if ((word & 3) != kChecked) continue;
    const auto address = static_cast<int64_t>((first + i) << c.page_bits);
    const uint64_t from = uint64_t{word >> 2} * 8;
    const uint64_t until = std::min<uint64_t>(size, static_cast<uint64_t>(c.final - address));
    if (from > static_cast<uint64_t>(std::max<int64_t>(0, c.begin - address))) {
      return found(Flaw::page_table, address, false,
                   fmt::format("the checksum of the page at {} begins at offset {}, and the log at "
                               "{}",
                               address, from, c.begin));
    }
    const PageImage page{files.snapshot,
                         round_up(size, c.sector) * i,
                         until,
                         address,
                         std::min(from, until),
                         until,
                         size};
    if (checksum_of(page, bytes) == word_of(files.table, i, 0)) continue;
    return found(Flaw::page_table, address, false,
                 fmt::format("the checksum of the page at {}, from offset {} on, is not that of "
                             "its bytes",
                             address, from));
  }
}

// Ascending addresses: first the pages below `flushed` from the main log, then the others, and the
// page that holds `flushed`, from the snapshot. Only pages that have bytes in a view are visited. A
// page that was left out of the snapshot of a cache had left memory, and so had all below it: what
// is in the snapshot of that may have been replaced by what is lost.
void SnapshotReader::Scratch::walk_files(const CheckpointFiles& files) {
  const Checkpoint& c = checkpoint;
  const uint64_t size = uint64_t{1} << c.page_bits;
  const uint64_t stride = round_up(size, c.sector);
  const auto final = static_cast<uint64_t>(c.final);
  const uint64_t flushed = std::min(static_cast<uint64_t>(c.flushed), final) >> c.page_bits;
  const uint64_t snapshot_start = static_cast<uint64_t>(c.snapshot_start) >> c.page_bits;
  const auto lowest =
      static_cast<uint64_t>(c.null_main ? std::max(c.begin, c.snapshot_start) : c.begin);
  const auto visit = [&](const FileView& file, uint64_t base, uint64_t first, uint64_t end) {
    first = std::max(first, lowest >> c.page_bits);
    end = std::min(end, base + round_up(file.size(), stride) / stride);
    for (uint64_t page = first; page < end; ++page) {
      // A jump over all that was never written, or a file of many empty pages takes for ever.
      page = std::max(page, base + file.next_written(stride * (page - base)) / stride);
      if (page >= end) break;
      const uint64_t address = page << c.page_bits;
      const uint64_t place = stride * (page - base);
      walk({file, place, std::min(size, file.size() - place), static_cast<int64_t>(address),
            std::max(lowest, address) - address, std::min(size, final - address), size});
    }
  };
  const uint64_t end = round_up(final, size) >> c.page_bits;
  if (!c.use_snapshot_file) return visit(files.log, 0, 0, end);
  if (!c.null_main) visit(files.log, 0, 0, flushed);
  uint64_t first = std::max(flushed, snapshot_start);
  if (c.null_main) first = snapshot_start + std::min(end, pages_lost(files.table, c.pages));
  visit(files.snapshot, snapshot_start, first, end);
}

void SnapshotReader::Scratch::walk(const PageImage& page) {
  const uint64_t until = std::min(page.until, page.there);  // then only zeros
  uint64_t at = page.from;
  while (at < until) {
    const auto header = page.load<uint64_t>(at);
    if (header == 0) {
      at = page.end_of_hole(at + 8);
      continue;
    }
    RecordLayout layout;
    if (const char* wrong = measure(page, at, header, layout)) {
      const int64_t address = page.address + static_cast<int64_t>(at);
      found(Flaw::record_length, address, address >= checkpoint.start,
            fmt::format("the record at {} {} (header {:016x})", address, wrong, header));
      return;
    }
    CHECK(layout.end > at && layout.end % 8 == at % 8, "a step from {} to {}", at, layout.end);
    const bool next_version = (header & kInNewVersion) != 0 &&
                              page.address + static_cast<int64_t>(at) >= checkpoint.start;
    if ((header & kValid) != 0 && !next_version) take(page, at, header, layout);
    at = layout.end;
  }
}

// Of several records of one key the one at the highest address counts, and that comes last.
void SnapshotReader::Scratch::take(const PageImage& page, uint64_t at, uint64_t header,
                                   const RecordLayout& layout) {
  const int64_t address = page.address + static_cast<int64_t>(at);
  if (layout.value_at + layout.value_size > page.there) {
    found(Flaw::record_cut_off, address, address >= checkpoint.start,
          fmt::format("the record at {} is cut off by the end of its file", address));
    return;
  }
  key.resize(layout.key_size);
  page.file.read(page.place + layout.key_at, key);
  const uint64_t hash = hash_of(key);
  if (2 * (newest.size() + 1) > places.size()) grow();
  uint32_t& place = place_of(hash, key);
  if (place == 0) {
    newest.push_back({hash, kept.size(), key.size(), 0, 0, 0, 0, false});
    kept.insert(kept.end(), key.begin(), key.end());
    place = static_cast<uint32_t>(newest.size());
  }
  Newest& one = newest[place - 1];
  one.value_size = layout.value_size;
  one.address = address;
  one.erased = (header & kTombstone) != 0;
  if (one.value_kept() > one.value_room) {
    one.value_room = one.value_kept();
    one.value_at = kept.size();
    kept.resize(kept.size() + one.value_room);
  }
  const std::span<std::byte> room{kept.data() + one.value_at, one.value_kept()};
  page.file.read(page.place + layout.value_at, room);
}

uint32_t& SnapshotReader::Scratch::place_of(uint64_t hash, Bytes wanted) {
  const size_t mask = places.size() - 1;
  size_t at = static_cast<size_t>(hash) & mask;
  for (; places[at] != 0; at = (at + 1) & mask) {
    const Newest& other = newest[places[at] - 1];
    if (other.hash == hash && same_bytes({kept.data() + other.key_at, other.key_size}, wanted))
      break;
  }
  return places[at];
}

void SnapshotReader::Scratch::grow() {
  const size_t size = std::max<size_t>(256, 2 * places.size());
  places.assign(size, 0);
  for (size_t i = 0; i < newest.size(); ++i) {
    size_t at = static_cast<size_t>(newest[i].hash) & (size - 1);
    while (places[at] != 0) at = (at + 1) & (size - 1);
    places[at] = static_cast<uint32_t>(i + 1);
  }
}

void SnapshotReader::Scratch::keep_present() {
  for (const Newest& one : newest) {
    if (one.erased) continue;
    const Bytes name{kept.data() + one.key_at, one.key_size};
    const Bytes value{kept.data() + one.value_at, one.value_kept()};
    entries.push_back({number_of(name), name, value, one.value_size, one.address});
  }
  std::sort(entries.begin(), entries.end(), sorts_before);
}

namespace {

uint64_t pages_lost(const FileView& table, uint64_t pages) {
  if (table.size() / kTableEntry < pages) return pages;
  while (pages > 0 && (word_of(table, pages - 1, 4) & 3) != 0) --pages;
  return pages;
}

uint32_t word_of(const FileView& table, uint64_t page, uint64_t at) {
  std::array<std::byte, 4> word{};
  table.read(page * kTableEntry + at, word);
  return get<uint32_t>(word.data());
}

uint64_t number_of(Bytes key) {
  if (key.size() >= 8) return get<uint64_t>(key.data());
  uint64_t number = 0;
  if (!key.empty()) std::memcpy(&number, key.data(), key.size());
  return number;
}

// Looks at both ends of the key only: whole keys are compared anyway.
uint64_t hash_of(Bytes key) {
  const uint64_t last = number_of(key.last(std::min<size_t>(8, key.size())));
  const uint64_t mixed = (number_of(key) + last * 31 + key.size()) * 0x9E3779B97F4A7C15U;
  return mixed ^ (mixed >> 32);
}

bool same_bytes(Bytes a, Bytes b) {
  if (a.size() != b.size()) return false;
  return a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0;
}

bool sorts_before(const RecoveredEntry& a, const RecoveredEntry& b) {
  if (a.number != b.number) return a.number < b.number;
  return engine::text_of(a.key) < engine::text_of(b.key);
}

}  // namespace
}  // namespace orrery::scenarios
