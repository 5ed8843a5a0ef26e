// SPDX-License-Identifier: Apache-2.0
#include "engine/store/recovery.hpp"

#include <algorithm>

namespace orrery::engine {
namespace {

constexpr const char* kNeverWritten = "a part of a page that was never written";
constexpr int kAnnounced = 16;  // records whose buckets are on their way at once

}  // namespace

Result<void> Recovery::run(const CheckpointInfo& info) {
  TRY(read_all(info));
  return log_.recover_to(addresses_);
}

Result<void> Recovery::rehearse(const CheckpointInfo& info) {
  may_write_ = false;
  const Result<void> readable = read_all(info);
  index_.clear();
  return readable;
}

Result<void> Recovery::read_all(const CheckpointInfo& info) {
  info_ = info;
  Result<void> recovered;
  if (info_.pages > 0) recovered = snapshot_.open(info_);
  if (recovered) {
    plan();
    recovered = look_at_main();
  }
  if (recovered) recovered = load_index();
  if (recovered) recovered = recover_pages();
  snapshot_.close();
  return recovered;
}

// What of the log exists, and what of it fits into memory.
void Recovery::plan() {
  const Geometry& geometry = log_.geometry();
  addresses_.tail = info_.final;
  addresses_.begin = info_.begin;
  if (info_.null_main) {
    addresses_.begin = std::max({info_.begin, info_.snapshot_start, evicted_until()});
  }
  const LogAddr fitting = geometry.page_start(geometry.page(info_.final)) - log_.head_lag();
  addresses_.head = std::max(addresses_.begin, fitting);
  SOMETIMES(fitting > addresses_.begin, "a recovered log is larger than its memory");
  if (info_.null_main) {
    addresses_.begin = addresses_.head;
    addresses_.flushed = addresses_.head;
    return;
  }
  SOMETIMES(addresses_.head > info_.flushed, "a recovered log left its snapshot behind");
  // Not from the start of its page on: what is on the main device may be all that this or an older
  // checkpoint has of it, so it must not be updated in place and written again.
  addresses_.flushed = std::max(info_.flushed, addresses_.head);
}

// What was never written reads as zeros: a log that was cut short would be taken for an empty one.
Result<void> Recovery::look_at_main() const {
  if (info_.null_main || info_.flushed <= addresses_.begin) return {};
  const Geometry& geometry = log_.geometry();
  const uint64_t size = log_.flusher().device().size();
  const auto sector = static_cast<uint64_t>(geometry.sector);
  if (size >= round_up(geometry.file_offset(info_.flushed), sector)) return {};
  const auto page = static_cast<int64_t>(size) / geometry.aligned_page;
  const auto offset = static_cast<int64_t>(size) % geometry.aligned_page;
  const LogAddr end = geometry.page_start(page) + std::min(offset, geometry.page_size());
  return Error{Errc::corrupt, "a main log that is too short", std::max(addresses_.begin, end)};
}

Result<void> Recovery::recover_pages() {
  const Geometry& geometry = log_.geometry();
  LogAddr first = addresses_.begin;
  if (index_loaded_) {
    // What the index knows, memory has no room for, and the main device has, is fine as it is.
    const LogAddr on_main = info_.null_main ? addresses_.head : info_.flushed;
    first = std::max(first, std::min({recover_from_, addresses_.head, on_main}));
    SOMETIMES(first > addresses_.begin, "a recovery did not read its log from the beginning");
  }
  first_read_ = geometry.page(first);
  ReadAhead reads(runtime_, {&Recovery::check, this});
  TRY(reads.begin(static_cast<size_t>(geometry.aligned_page)));
  const int64_t end = geometry.page(addresses_.tail + geometry.page_size() - 1);
  return reads.each(
      static_cast<uint64_t>(std::max<int64_t>(0, end - first_read_)),
      [this](uint64_t number) { return piece_of(first_read_ + static_cast<int64_t>(number)); },
      [this](uint64_t number, const ReadAhead::Taken& taken) {
        return recover_page(first_read_ + static_cast<int64_t>(number), taken);
      });
}

// The first look at what was read.
Result<void> Recovery::check(void* context, uint64_t number, Bytes bytes) {
  const auto& recovery = *static_cast<const Recovery*>(context);
  const int64_t page = recovery.first_read_ + static_cast<int64_t>(number);
  if (recovery.is_on_main(page)) return {};
  return recovery.snapshot_.check_page(page, bytes);
}

LogAddr Recovery::start_of(int64_t page) const {
  return std::max(log_.geometry().page_start(page), addresses_.begin);
}

LogAddr Recovery::end_of(int64_t page) const {
  return std::min(log_.geometry().page_end(page), addresses_.tail);
}

bool Recovery::is_on_main(int64_t page) const {
  if (info_.null_main) return false;
  return !info_.use_snapshot_file || log_.geometry().page_end(page) <= info_.flushed;
}

// Of a cache, what had left memory before its turn is nowhere. What lies below it had left memory
// too: it may be in the snapshot, but there it may have been replaced by what is lost.
LogAddr Recovery::evicted_until() const {
  if (info_.pages == 0) return 0;
  const PageTable& table = snapshot_.table();
  int64_t page = table.first_page() + table.count();
  while (page > table.first_page() && table[page - 1].state != PageTable::State::left_out) --page;
  if (page == table.first_page()) return 0;
  SOMETIMES(true, "a page of a recovered cache had been evicted before its turn");
  return std::min(log_.geometry().page_start(page), info_.final);
}

Result<void> Recovery::recover_page(int64_t page, const ReadAhead::Taken& taken) {
  const Geometry& geometry = log_.geometry();
  const LogAddr from = start_of(page);
  const LogAddr until = end_of(page);
  const MutableBytes image =
      taken.bytes.first(static_cast<size_t>(until - geometry.page_start(page)));
  changed_ = false;
  if (is_lost(page)) {
    std::fill(image.begin(), image.end(), std::byte{0});
    return {};
  }
  TRY_ASSIGN(const Source source, look_at(page, taken));
  const MutableBytes behind = taken.bytes.subspan(image.size());
  std::fill(behind.begin(), behind.end(), std::byte{0});  // of another time
  TRY(walk(from, until, image, stays(page)));
  // What is kept in memory and not yet flushed gets to the main device with the next flush. Of what
  // comes from the snapshot the main device has nothing, or what an earlier recovery made of it.
  const LogAddr flushed = std::min(until, addresses_.flushed);
  if (!info_.null_main && flushed > geometry.page_start(page) &&
      (changed_ || source != Source::main)) {
    return write_back(page, taken, static_cast<uint64_t>(flushed - geometry.page_start(page)));
  }
  return {};
}

bool Recovery::stays(int64_t page) const {
  return log_.geometry().page_end(page) > addresses_.head;
}

// All that a cache had of it.
bool Recovery::is_lost(int64_t page) const {
  return info_.null_main && start_of(page) == end_of(page);
}

PatientIo Recovery::main_io() {
  return PatientIo(runtime_, log_.flusher().device(), log_.flusher().policy());
}

Result<ReadAhead::Piece> Recovery::place_of(int64_t page) const {
  if (is_lost(page)) return ReadAhead::Piece{};
  const Geometry& geometry = log_.geometry();
  const LogAddr start = geometry.page_start(page);
  if (is_on_main(page)) {
    const uint64_t size = round_up(static_cast<uint64_t>(end_of(page) - start),
                                   static_cast<uint64_t>(geometry.sector));
    return ReadAhead::Piece{&log_.flusher().device(), geometry.file_offset(start), size};
  }
  TRY_ASSIGN(const ReadAhead::Piece piece, snapshot_.place_of(page));
  // What was evicted before its turn is on the main device, or below the begin of a cache.
  if (piece.device == nullptr) return Error{Errc::corrupt, "a page that is in no file", start};
  return piece;
}

// What stays in memory is read into its frame, and made what it is to be in there: nobody else is
// inside the store.
Result<ReadAhead::Piece> Recovery::piece_of(int64_t page) {
  TRY_ASSIGN(ReadAhead::Piece piece, place_of(page));
  if (!stays(page)) return piece;
  TRY(log_.frames().ensure(page));
  piece.frame = log_.frames().at(log_.geometry().page_start(page)).frame();
  piece.into = {piece.frame->base, piece.frame->size};
  return piece;
}

Result<Recovery::Source> Recovery::look_at(int64_t page, const ReadAhead::Taken& taken) {
  if (!is_on_main(page)) {
    TRY(taken.read);
    return Source::snapshot;
  }
  TRY_ASSIGN(const ReadAhead::Piece place, place_of(page));
  TRY(main_io().read_on(taken.read, place.offset, taken.bytes.first(place.length), taken.frame));
  return Source::main;
}

Result<void> Recovery::walk(LogAddr from, LogAddr until, MutableBytes image, bool stays) {
  const Geometry& geometry = log_.geometry();
  LogAddr hole = kAddrEnd;  // where the page ended
  LogAddr address = from;
  LogAddr announced = std::max(from, recover_from_);
  while (address < until) {
    if (address >= announced) announced = announce(address, until, image);
    const MutableBytes rest = image.subspan(static_cast<size_t>(geometry.offset(address)));
    if (until - address < kHeaderSize) {
      return Error{Errc::corrupt, "a record header that leaves its page", address};
    }
    if (get<uint64_t>(rest.data()) == 0) {
      if (!may_end_page(address)) return Error{Errc::corrupt, kNeverWritten, address};
      hole = std::min(hole, address);
      address += kHeaderSize;
      continue;
    }
    // The writers of a page that was not complete at the start may have finished in any order.
    if (hole < info_.start) return Error{Errc::corrupt, kNeverWritten, hole};
    const auto stage = look_at_image(rest, until - address);
    if (!stage || !stage->complete) {
      return Error{Errc::corrupt, "a record that makes no sense", address};
    }
    if (stage->image.header.prev() >= address) {
      return Error{Errc::corrupt, "a record that replaces a later one", address};
    }
    TRY(take_record(address, rest.data(), stage->image));
    if (stays) clean(rest.data());
    address += stage->image.size;
  }
  return {};
}

// Asks the machine for what the next records need of the index, which is larger than any cache: on
// their way while the first of them is worked on. Returns where the records end that it has seen.
LogAddr Recovery::announce(LogAddr address, LogAddr until, Bytes image) {
  for (int i = 0; i < kAnnounced && until - address >= kHeaderSize; ++i) {
    const Bytes rest = image.subspan(static_cast<size_t>(log_.geometry().offset(address)));
    if (get<uint64_t>(rest.data()) == 0) {
      address += kHeaderSize;
      continue;
    }
    const auto stage = look_at_image(rest, until - address);
    if (!stage || !stage->complete) return until;  // the walk will say it
    index_.prefetch(hash_of(stage->image.key));
    address += stage->image.size;
  }
  return address;
}

// True if an allocation may have found no room at the address. Below the start of the checkpoint
// all that was allocated had been written: a page begins with a record, unless it is that in which
// the log begins; and the page of the start was full up to there.
bool Recovery::may_end_page(LogAddr address) const {
  const Geometry& geometry = log_.geometry();
  if (address >= info_.start) return true;
  return geometry.offset(address) > 0 && geometry.page(address) < geometry.page(info_.start);
}

Result<void> Recovery::take_record(LogAddr address, std::byte* at, const RecordImage& record) {
  RecordHeader header = record.header;
  if (address >= info_.start && header.has(RecordHeader::kInNewVersion)) {
    undo(address, at, record);
    return {};
  }
  if (!header.has(RecordHeader::kValid)) return {};
  if (address < recover_from_) return {};
  TRY(link(address, header, record.key));
  put(at, header.word);
  return {};
}

// Takes away the bits of a record that mean something only while the store runs: in memory they
// must go; on the device nobody looks at them. InNewVersion stays: by it this and older checkpoints
// know what is not theirs, and the page may be written again, for a sector that it shares.
void Recovery::clean(std::byte* at) {
  const RecordHeader header{get<uint64_t>(at)};
  const uint64_t word = header.word & ~RecordHeader::kDirty;
  put(at, header.has(RecordHeader::kValid) ? word & ~RecordHeader::kSealed : word);
}

// The walk ascends, so the entry of a chain always holds the newest record of it so far.
Result<void> Recovery::link(LogAddr address, RecordHeader& header, Bytes key) {
  TRY_ASSIGN(const FoundEntry entry, index_.find_or_create_tag(hash_of(key), addresses_.begin));
  const LogAddr before = entry.word.address() >= kFirstValid ? entry.word.address() : kInvalidAddr;
  const LogAddr prev = header.prev();
  // In an index of another shape other keys share a chain, and in a cache a record may be lost.
  const bool misleading = prev != before && (prev >= addresses_.begin || before > prev);
  // An index that was loaded has the chains that the log has; what its entry says may be newer.
  if (misleading && !index_loaded_) {
    SOMETIMES(true, "a chain of the log was not that of the index");
    TRY(forget_indexes());
    header.word = (header.word & ~RecordHeader::kPrevMask) | static_cast<uint64_t>(before);
    changed_ = true;
  }
  entry.entry->store(EntryWord::make(entry.word.tag(), address).word);
  return {};
}

// The record becomes invalid, and stays what it was otherwise: a crash may be followed by the same
// recovery. In a loaded index the entry of its chain leads to what the record had replaced, unless
// the walk has found something newer.
void Recovery::undo(LogAddr address, std::byte* at, const RecordImage& record) {
  CHECK(address >= recover_from_, "a record of the next version at {} is in the index", address);
  if (record.header.has(RecordHeader::kValid)) {
    SOMETIMES(true, "a record of the next version was undone");
    put(at, (record.header.word & ~RecordHeader::kValid) | RecordHeader::kSealed);
    changed_ = true;
  }
  const LogAddr prev = record.header.prev();
  if (!index_loaded_ || prev >= recover_from_) return;
  const FoundEntry entry = index_.find_tag(hash_of(record.key));
  if (entry.entry == nullptr || entry.word.address() >= recover_from_) return;
  SOMETIMES(true, "an entry of a loaded index went back to what an undone record had replaced");
  const LogAddr back = prev >= addresses_.begin ? prev : kTempInvalid;
  entry.entry->store(EntryWord::make(entry.word.tag(), back).word);
}

// Its first bytes, to the main device.
Result<void> Recovery::write_back(int64_t page, const ReadAhead::Taken& taken, uint64_t size) {
  if (!may_write_) return {};
  const Geometry& geometry = log_.geometry();
  const MutableBytes sectors =
      taken.bytes.first(round_up(size, static_cast<uint64_t>(geometry.sector)));
  return main_io().write(geometry.file_offset(geometry.page_start(page)), sectors, taken.frame);
}

}  // namespace orrery::engine
