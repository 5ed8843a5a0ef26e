// SPDX-License-Identifier: Apache-2.0
// The four stories: read, upsert, read-modify-write, erase.
#include <algorithm>

#include "engine/store/operation.hpp"
#include "engine/store/store.hpp"

namespace orrery::engine {
namespace {

constexpr uint64_t kChanged = RecordHeader::kDirty | RecordHeader::kModified;

// A latch on the chain of a bucket, held for a scope if it was to be had.
class Latched {
 public:
  Latched(HashIndex& index, Bucket& bucket, bool exclusive)
      : index_(index),
        bucket_(bucket),
        exclusive_(exclusive),
        held_(exclusive ? index.try_lock_exclusive(bucket) : index.try_lock_shared(bucket)) {}
  ~Latched() {
    if (!held_) return;
    if (exclusive_) {
      index_.unlock_exclusive(bucket_);
    } else {
      index_.unlock_shared(bucket_);
    }
  }
  Latched(const Latched&) = delete;
  Latched& operator=(const Latched&) = delete;
  bool held() const { return held_; }

 private:
  HashIndex& index_;
  Bucket& bucket_;
  bool exclusive_;
  bool held_;
};

}  // namespace

OperationRun::Outcome OperationRun::attempt() {
  if (operation_.generation != store_.generation_.peek()) {
    // The store was emptied: what was found or allocated before is not of these contents.
    operation_.generation = store_.generation_.peek();
    operation_.finding = nullptr;
    operation_.saved = kInvalidAddr;
  }
  return operation_.kind == OpKind::read ? attempt_read() : attempt_update();
}

OperationRun::Outcome OperationRun::attempt_read() {
  HashIndex& index = store_.index_;
  const FoundEntry entry = index.find_tag(operation_.hash);
  if (entry.entry == nullptr) return missing();
  log_.prefetch(entry.word.address());  // on its way while the chain is latched
  const Latched latched(index, index.bucket_of(operation_.hash), store_.copies_alone_);
  if (!latched.held()) return Outcome::retry_later;
  const EntryWord word{entry.entry->load()};
  const bool same = !word.free() && !word.tentative() && word.tag() == entry.word.tag();
  return same ? read_latched({entry.entry, word}) : Outcome::retry_now;
}

OperationRun::Outcome OperationRun::read_latched(const FoundEntry& entry) {
  const EntryWord word = entry.word;
  if (meets_next_version(word)) return Outcome::shift;
  const Hit hit = search(word.address(), log_.load(Boundary::head));
  if (hit.in_memory) return read_record(entry, hit);
  const DiskFinding* const finding = operation_.finding;
  if (finding != nullptr && hit.address <= finding->initial_latest) {
    if (!finding->found || finding->tombstone) return missing();
    const Outcome outcome = deliver(finding->value, finding->address);
    if (store_.options_.copy_reads != CopyReads::none) {
      copy_read({entry, kInvalidAddr, finding->address}, finding->value);
    }
    return outcome;
  }
  if (log_.main_is_null() || hit.address < log_.load(Boundary::begin)) return missing();
  operation_.disk_address = hit.address;
  operation_.initial_latest = word.address();
  return Outcome::on_disk;
}

OperationRun::Outcome OperationRun::read_record(const FoundEntry& entry, const Hit& hit) {
  if (hit.header.closed()) return Outcome::retry_later;
  if (hit.header.has(RecordHeader::kTombstone)) return missing();
  const auto size = static_cast<size_t>(value_length(hit));
  const MutableBytes target = operation_.output.first(std::min(size, operation_.output.size()));
  if (!target.empty()) value_of(hit).copy_out(target);
  const Outcome outcome = succeed(hit.address, size);
  if (store_.options_.copy_reads != CopyReads::from_immutable) return outcome;
  if (hit.address >= log_.load(Boundary::safe_ro) || !value_fits(size)) return outcome;
  const MutableBytes whole{session_.old_value_.data(), size};
  if (size > 0) value_of(hit).copy_out(whole);
  copy_read({entry, hit.address, hit.address}, whole);
  return outcome;
}

// Under the latch that the read holds, so nobody updates the record meanwhile; another reader may
// be first with his copy. If anything is in the way there is no copy: the read has its value.
void OperationRun::copy_read(const Link& link, Bytes value) {
  const OpResult read = result_;
  const Outcome outcome = append(link, {value, value.size(), false, false});
  operation_.saved = kInvalidAddr;
  SOMETIMES(outcome == Outcome::done, "a read copied its record to the tail");
  SOMETIMES(outcome != Outcome::done, "a read could not copy its record to the tail");
  if (outcome != Outcome::done) result_ = read;
}

OperationRun::Outcome OperationRun::attempt_update() {
  HashIndex& index = store_.index_;
  // An erase need not make an entry for a key that is not there.
  const bool find = operation_.kind == OpKind::erase;
  auto entry = find ? Result<FoundEntry>(index.find_tag(operation_.hash))
                    : index.find_or_create_tag(operation_.hash, log_.load(Boundary::begin));
  if (!entry) return fail(entry.error());
  if (entry->entry == nullptr) return missing();
  log_.prefetch(entry->word.address());
  const Latched latched(index, index.bucket_of(operation_.hash), true);
  if (!latched.held()) return Outcome::retry_later;
  const EntryWord word{entry->entry->load()};
  if (word.free() || word.tentative() || word.tag() != entry->word.tag()) {
    SOMETIMES(true, "an index entry was taken away before it was latched");
    return Outcome::retry_now;
  }
  entry->word = word;
  return update_latched(*entry);
}

OperationRun::Outcome OperationRun::update_latched(const FoundEntry& entry) {
  if (meets_next_version(entry.word)) return Outcome::shift;
  switch (operation_.kind) {
    case OpKind::upsert: return upsert(entry);
    case OpKind::rmw: return rmw(entry);
    case OpKind::erase: return erase(entry);
    case OpKind::read: break;
  }
  CHECK(false, "a read among the updates");
  return Outcome::done;
}

// The old value does not matter, so nothing below ro is looked at.
OperationRun::Outcome OperationRun::upsert(const FoundEntry& entry) {
  const Content content{operation_.value, operation_.value_size, operation_.zeros, false};
  const Hit hit = search(entry.word.address(), log_.load(Boundary::ro));
  if (!hit.in_memory) return append({entry, kInvalidAddr, kInvalidAddr}, content);
  if (hit.header.closed()) return Outcome::retry_later;
  const bool may = !operation_.zeros && !hit.header.has(RecordHeader::kTombstone) && !frozen(hit);
  if (may && fits_in_place(hit, operation_.value)) return update_in_place(hit, operation_.value);
  return append({entry, hit.address, kInvalidAddr}, content);
}

// False if the value does not fit where the old one is, or its size must stay.
bool OperationRun::fits_in_place(const Hit& hit, Bytes value) const {
  const auto key_length = static_cast<int64_t>(operation_.key.size());
  const auto length = static_cast<int64_t>(value.size());
  if (length != value_length(hit)) {
    if (!may_resize(hit)) return false;
    return record_step(hit.at, hit.header) >= record_size(key_length, length);
  }
  return true;
}

// Requires: the value fits there.
OperationRun::Outcome OperationRun::update_in_place(const Hit& hit, Bytes value) {
  if (const auto refused = reserve_entry(LoggedKind::upsert, value)) return *refused;
  const auto key_length = static_cast<int64_t>(operation_.key.size());
  const auto length = static_cast<int64_t>(value.size());
  const bool same_size = length == value_length(hit);
  int64_t filler = 0;
  if (!same_size) {
    const int64_t size = record_step(hit.at, hit.header);
    filler = size - record_size(key_length, length);
    CHECK(filler >= 0, "a value of {} bytes does not fit at {}", length, hit.address);
    SOMETIMES(length > value_length(hit), "a value grew where it stands");
    hit.at.plus(value_length_offset(key_length)).store(static_cast<int32_t>(length));
    if (filler > 0) {
      SOMETIMES(true, "a value became shorter and left a filler");
      hit.at.plus(filler_offset(key_length, length)).store(filler_length(size, key_length, length));
    }
  }
  if (length > 0) value_of(hit).copy_in(value);
  const bool had = same_size && hit.header.has(RecordHeader::kFiller);
  const uint64_t bit = filler > 0 || had ? RecordHeader::kFiller : 0;
  change_bits(hit.at, hit.header, kChanged | bit, RecordHeader::kFiller & ~bit);
  fill_entry(true);
  return succeed(hit.address, value.size());
}

OperationRun::Outcome OperationRun::rmw(const FoundEntry& entry) {
  const Hit hit = search(entry.word.address(), log_.load(Boundary::head));
  return hit.in_memory ? rmw_record(entry, hit) : rmw_missing(entry, hit);
}

OperationRun::Outcome OperationRun::rmw_record(const FoundEntry& entry, const Hit& hit) {
  const Link link{entry, hit.address, kInvalidAddr};
  if (hit.header.closed()) return Outcome::retry_later;
  if (hit.header.has(RecordHeader::kTombstone)) return create(link);
  const bool is_mutable = hit.address >= log_.load(Boundary::ro);
  if (!is_mutable && hit.address >= log_.load(Boundary::safe_ro)) {
    // Somebody with an older ro may still update it in place; a copy taken now would lose that.
    SOMETIMES(true, "a read-modify-write met a record in the fuzzy region");
    return Outcome::retry_later;
  }
  const auto size = static_cast<size_t>(value_length(hit));
  if (!value_fits(size)) return fail({Errc::too_large, "a value larger than the staging buffer"});
  const MutableBytes old{session_.old_value_.data(), size};
  if (size > 0) value_of(hit).copy_out(old);
  if (!is_mutable || frozen(hit)) return copy_update(link, old);
  const size_t now_size = operation_.modifier->updated_size(old);
  if (!value_fits(now_size)) {
    return fail({Errc::too_large, "a value larger than the staging buffer"});
  }
  const MutableBytes now{session_.new_value_.data(), now_size};
  operation_.modifier->update(old, now);
  if (fits_in_place(hit, now)) return update_in_place(hit, now);
  return append(link, {now, now_size, false, false});
}

OperationRun::Outcome OperationRun::rmw_missing(const FoundEntry& entry, const Hit& hit) {
  const DiskFinding* const finding = operation_.finding;
  const Link link{entry, kInvalidAddr, kInvalidAddr};
  if (finding != nullptr && hit.address <= finding->initial_latest) {
    // What lies below begin by now is given up, even if it was read in time.
    const bool given_up = finding->found && finding->address < log_.load(Boundary::begin);
    SOMETIMES(given_up, "what a read-modify-write had read was given up before its latch");
    if (!finding->found || finding->tombstone || given_up) return create(link);
    return copy_update(link, finding->value);
  }
  if (log_.main_is_null() || hit.address < log_.load(Boundary::begin)) return create(link);
  operation_.disk_address = hit.address;
  operation_.initial_latest = entry.word.address();
  return Outcome::on_disk;
}

OperationRun::Outcome OperationRun::copy_update(const Link& link, Bytes old) {
  const size_t size = operation_.modifier->updated_size(old);
  if (!value_fits(size)) return fail({Errc::too_large, "a value larger than the staging buffer"});
  const MutableBytes now{session_.new_value_.data(), size};
  operation_.modifier->update(old, now);
  return append(link, {now, size, false, false});
}

OperationRun::Outcome OperationRun::create(const Link& link) {
  const size_t size = operation_.modifier->initial_size();
  if (!value_fits(size)) return fail({Errc::too_large, "a value larger than the staging buffer"});
  const MutableBytes now{session_.new_value_.data(), size};
  operation_.modifier->initialise(now);
  return append(link, {now, size, false, false});
}

OperationRun::Outcome OperationRun::erase(const FoundEntry& entry) {
  const Content tombstone{{}, 0, false, true};
  const Hit hit = search(entry.word.address(), log_.load(Boundary::head));
  if (!hit.in_memory) {
    if (log_.main_is_null() || hit.address < log_.load(Boundary::begin)) return missing();
    SOMETIMES(true, "a key was erased whose records may be on the device");
    return append({entry, kInvalidAddr, kInvalidAddr}, tombstone);
  }
  if (hit.header.closed()) return Outcome::retry_later;
  if (hit.header.has(RecordHeader::kTombstone)) return missing();
  if (hit.address < log_.load(Boundary::ro) || frozen(hit)) {
    return append({entry, hit.address, kInvalidAddr}, tombstone);
  }
  const Link link{entry, hit.address, kInvalidAddr};
  if (may_elide(link) && leaves_nothing(link)) return unlink(link);
  if (const auto refused = reserve_entry(LoggedKind::erase, {})) return *refused;
  change_bits(hit.at, hit.header, kChanged | RecordHeader::kTombstone);
  fill_entry(true);
  return succeed(hit.address, 0);
}

// The newest record of the key from `from` down, as far as `floor`.
OperationRun::Hit OperationRun::search(LogAddr from, LogAddr floor) const {
  const auto key_length = static_cast<int64_t>(operation_.key.size());
  LogAddr address = from;
  while (address >= floor) {
    const PageRef at = log_.at(address);
    const RecordHeader header{at.load_word()};
    const int64_t length = at.plus(kHeaderSize).load<int32_t>();
    if (length == key_length && at.plus(kKeyOffset).equals(operation_.key)) {
      return {true, address, at, header};
    }
    CHECK(header.prev() < address, "the chain at {} goes up to {}", address, header.prev());
    address = header.prev();
  }
  return {false, address, {}, {}};
}

// True if a session of the old version meets a chain that the next version has touched.
bool OperationRun::meets_next_version(EntryWord word) const {
  if (view_.phase != Phase::prepare) return false;
  const LogAddr address = word.address();
  if (address < store_.driver_.fuzzy_start()) return false;
  if (address < log_.load(Boundary::head)) return false;
  const RecordHeader header{log_.at(address).load_word()};
  SOMETIMES(header.has(RecordHeader::kInNewVersion), "a session met a record of the next version");
  return header.has(RecordHeader::kInNewVersion);
}

// True if the record belongs to the version whose snapshot is being taken: not to be changed.
bool OperationRun::frozen(const Hit& hit) const {
  if (view_.phase > Phase::wait_flush) return false;
  const bool above_end =
      view_.phase == Phase::wait_flush && hit.address >= store_.driver_.fuzzy_end();
  if (above_end) return false;
  if (!hit.header.has(RecordHeader::kInNewVersion)) return true;
  return hit.address < store_.driver_.fuzzy_start();  // of a cycle long ago
}

// True if nobody may be looking at the page as it is, whose lengths would then be torn: a record of
// the next version that lies before the end of the checkpoint is copied with its page.
bool OperationRun::may_resize(const Hit& hit) const {
  if (view_.phase > Phase::wait_flush) return true;
  return view_.phase == Phase::wait_flush && hit.address >= store_.driver_.fuzzy_end();
}

void OperationRun::change_bits(PageRef at, RecordHeader header, uint64_t set,
                               uint64_t clear) const {
  while (!at.cas_word(header.word, (header.word | set) & ~clear)) {
    SOMETIMES(true, "a header changed under an update in place");
  }
}

bool OperationRun::value_fits(size_t size) const {
  CHECK(session_.old_value_.size() == session_.new_value_.size(), "staging buffers of two sizes");
  return size <= session_.new_value_.size();
}

int32_t OperationRun::value_length(const Hit& hit) const {
  const auto key_length = static_cast<int64_t>(operation_.key.size());
  const auto length = hit.at.plus(value_length_offset(key_length)).load<int32_t>();
  CHECK(length >= 0, "a value of {} bytes at {}", length, hit.address);
  return length;
}

PageRef OperationRun::value_of(const Hit& hit) const {
  return hit.at.plus(value_offset(static_cast<int64_t>(operation_.key.size())));
}

}  // namespace orrery::engine
