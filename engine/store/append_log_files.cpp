// SPDX-License-Identifier: Apache-2.0
#include "engine/store/append_log_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/base/crc32c.hpp"
#include "engine/base/format_into.hpp"
#include "engine/store/blocking_io.hpp"

namespace orrery::engine {
namespace {

constexpr std::string_view kFolder = "/log-commits/commit.";
constexpr size_t kNumberDigits = 16;
constexpr Error kNothing{Errc::not_found, "no valid commit"};
constexpr uint64_t kCommitFormat = 2;
constexpr size_t kPrefix = 8;  // length and checksum
constexpr size_t kFields = 9;
constexpr size_t kPayloadMax =
    (kFields + 2 * Holes::kMax) * sizeof(uint64_t) + CommitMarks::kEncodedMax;

// The commit files of one storage, lowest number first.
struct Listing {
  std::string_view prefix;
  uint64_t highest = 0;
  uint64_t below = UINT64_MAX;  // the highest number that is lower than this one
  uint64_t next = 0;            // is wanted
};
Result<Listing> list(Storage& storage, std::string_view prefix, uint64_t below);
bool is_address(uint64_t value);
bool makes_sense(const CommitInfo& info);
Error bad_commit(const char* what) { return {Errc::corrupt, what}; }

}  // namespace

LogName LogName::main(std::string_view prefix) {
  LogName name;
  name.size_ = format_into(name.text_, "{}/log", prefix);
  CHECK(name.size_ <= name.text_.size(), "a device name of {} characters", name.size_);
  return name;
}

LogName LogName::commit(std::string_view prefix, uint64_t number) {
  LogName name;
  name.size_ = format_into(name.text_, "{}{}{:016x}", prefix, kFolder, number);
  CHECK(name.size_ <= name.text_.size(), "a device name of {} characters", name.size_);
  return name;
}

uint64_t number_of_commit(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return 0;
  name.remove_prefix(prefix.size());
  if (!name.starts_with(kFolder)) return 0;
  name.remove_prefix(kFolder.size());
  if (name.size() != kNumberDigits) return 0;
  uint64_t number = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + kNumberDigits, number, 16);
  return parsed.ptr == name.data() + kNumberDigits && number != UINT64_MAX ? number : 0;
}

size_t commit_file_size(uint64_t sector) { return round_up(kPrefix + kPayloadMax, sector); }

void encode_commit(const CommitInfo& info, MutableBytes out) {
  CHECK(out.size() >= kPrefix + kPayloadMax, "a commit file of {} bytes", out.size());
  size_t used = kPrefix;
  const auto add = [&](auto value) {
    put(out.data() + used, static_cast<uint64_t>(value));
    used += sizeof(uint64_t);
  };
  add(kCommitFormat);
  add(info.number);
  add(info.incarnation);
  add(info.fast ? 1 : 0);
  add(info.begin);
  add(info.until);
  add(info.page_bits);
  add(info.sector);
  add(info.holes.size());
  for (size_t place = 0; place < info.holes.size(); ++place) {
    add(info.holes[place].from);
    add(info.holes[place].until);
  }
  used += info.marks.encode(out.subspan(used));
  const Bytes payload = out.subspan(kPrefix, used - kPrefix);
  put(out.data(), static_cast<uint32_t>(payload.size()));
  put(out.data() + 4, crc32c(payload));
}

Result<CommitInfo> decode_commit(Bytes file) {
  if (file.size() < kPrefix) return bad_commit("a commit file shorter than its prefix");
  const size_t length = get<uint32_t>(file.data());
  if (length > file.size() - kPrefix || length > kPayloadMax) {
    return bad_commit("a commit file shorter than it says");
  }
  const Bytes payload = file.subspan(kPrefix, length);
  if (get<uint32_t>(file.data() + 4) != crc32c(payload)) return bad_commit("a commit's checksum");
  if (length < sizeof(uint64_t)) return bad_commit("a commit file without a format");
  const auto format = get<uint64_t>(payload.data());
  if (format != kCommitFormat) {
    // Behind a good checksum this is no damage: another engine wrote it.
    return Error{Errc::invalid, "a commit file of another format", static_cast<int64_t>(format)};
  }
  if (length < kFields * sizeof(uint64_t)) return bad_commit("a commit file without its fields");
  const auto field = [&](size_t n) { return get<uint64_t>(payload.data() + n * 8); };
  const uint64_t holes = field(8);
  if (field(2) > UINT32_MAX || field(3) > 1) return bad_commit("a commit that makes no sense");
  if (holes > Holes::kMax || length < (kFields + 2 * holes) * 8) {
    return bad_commit("a commit file with too many holes");
  }
  CommitInfo info;
  info.number = field(1);
  info.incarnation = static_cast<uint32_t>(field(2));
  info.fast = field(3) == 1;
  if (!is_address(field(4)) || !is_address(field(5))) return bad_commit("a commit's addresses");
  info.begin = static_cast<LogAddr>(field(4));
  info.until = static_cast<LogAddr>(field(5));
  info.page_bits = field(6);
  info.sector = field(7);
  LogAddr above = 0;
  for (size_t place = kFields; place < kFields + 2 * holes; place += 2) {
    if (!is_address(field(place)) || !is_address(field(place + 1))) {
      return bad_commit("a hole without an address");
    }
    const Hole hole{static_cast<LogAddr>(field(place)), static_cast<LogAddr>(field(place + 1))};
    if (hole.from < above || hole.from >= hole.until) return bad_commit("holes out of order");
    above = hole.until;
    info.holes.add(hole);
  }
  TRY_ASSIGN(info.marks, CommitMarks::decode(payload.subspan((kFields + 2 * holes) * 8)));
  if (!makes_sense(info)) return bad_commit("a commit that makes no sense");
  return info;
}

Result<CommitInfo> CommitFiles::find_newest() const {
  uint64_t below = UINT64_MAX;
  for (;;) {
    TRY_ASSIGN(const Listing files, list(runtime_.storage, prefix_, below));
    if (files.next == 0) return files.highest == 0 ? kNothing : why_none();
    auto found = read(files.next);
    if (found || found.error().code != Errc::corrupt) return found;
    SOMETIMES(true, "a commit file was damaged or half-written");
    below = files.next;
  }
}

// Nothing is logged before the first commit file is durable, and none is removed before a newer one
// is. So a file that is not whole is the first one, half-written, if the log has no bytes; and one
// that has bytes has lost what spoke of them.
Error CommitFiles::why_none() const {
  DeviceOptions options;
  options.sector_size = sector_;
  options.must_exist = true;
  const auto log = runtime_.storage.open(LogName::main(prefix_).view(), options);
  if (!log) return log.error().code == Errc::not_found ? kNothing : log.error();
  const bool is_empty = (*log)->size() == 0;
  (*log)->close();
  return is_empty ? kNothing : bad_commit("a log without a whole commit file");
}

Result<uint64_t> CommitFiles::highest_number() const {
  TRY_ASSIGN(const Listing files, list(runtime_.storage, prefix_, UINT64_MAX));
  return files.highest;
}

Result<CommitInfo> CommitFiles::read(uint64_t number) const {
  DeviceOptions options;
  options.sector_size = sector_;
  options.must_exist = true;  // it was listed
  const LogName name = LogName::commit(prefix_, number);
  TRY_ASSIGN(Device* const file, runtime_.storage.open(name.view(), options));
  const auto read = [&]() -> Result<CommitInfo> {
    // Whoever wrote it may have had other sectors, and has to be understood to be refused.
    const uint64_t size = round_up(file->size(), sector_);
    if (size == 0 || size > commit_file_size(std::max<uint64_t>(sector_, 4096)))
      return bad_commit("a commit file of no size");
    TRY_ASSIGN(auto bytes,
               Array<std::byte>::make(runtime_.memory, size, "commit file", kIoAlignment));
    TRY(read_blocking(runtime_.tasks, *file, 0, {bytes.data(), size}));
    TRY_ASSIGN(const CommitInfo info, decode_commit({bytes.data(), size}));
    if (info.number != number) return bad_commit("a commit file under another's name");
    return info;
  };
  auto found = read();
  file->close();
  return found;
}

Result<void> CommitFiles::write(const CommitInfo& info) const {
  const size_t size = commit_file_size(sector_);
  TRY_ASSIGN(auto bytes,
             Array<std::byte>::make(runtime_.memory, size, "commit file", kIoAlignment));
  encode_commit(info, {bytes.data(), size});
  DeviceOptions options;
  options.sector_size = sector_;
  const LogName name = LogName::commit(prefix_, info.number);
  TRY_ASSIGN(Device* const file, runtime_.storage.open(name.view(), options));
  Result<void> written = write_blocking(runtime_.tasks, *file, 0, {bytes.data(), size});
  if (written) written = sync_blocking(runtime_.tasks, *file);
  file->close();
  TRY(written);
  return runtime_.storage.sync_names();
}

void CommitFiles::remove_below(uint64_t number) const {
  const auto remove_all = [&]() -> Result<void> {
    for (uint64_t below = number;;) {
      TRY_ASSIGN(const Listing files, list(runtime_.storage, prefix_, below));
      if (files.next == 0) return {};
      TRY(runtime_.storage.remove(LogName::commit(prefix_, files.next).view()));
      below = files.next;
    }
  };
  const Result<void> removed = remove_all();
  SOMETIMES(!removed, "an old commit file could not be removed");
}

namespace {

Result<Listing> list(Storage& storage, std::string_view prefix, uint64_t below) {
  Listing listing;
  listing.prefix = prefix;
  listing.below = below;
  const auto visit = [](void* context, std::string_view name) {
    auto& all = *static_cast<Listing*>(context);
    const uint64_t number = number_of_commit(name, all.prefix);
    all.highest = std::max(all.highest, number);
    if (number < all.below) all.next = std::max(all.next, number);
  };
  TRY(storage.list(prefix, visit, &listing));
  return listing;
}

bool is_address(uint64_t value) { return value < static_cast<uint64_t>(kAddrEnd); }

bool makes_sense(const CommitInfo& info) {
  if (info.number == 0 || info.incarnation == 0) return false;
  if (info.page_bits < 6 || info.page_bits > 30) return false;
  if (info.begin % kRecordAlign != 0 || info.until % kRecordAlign != 0) return false;
  if (info.marks.highest_position() > info.until) return false;
  return info.begin >= kFirstValid && info.begin <= info.until;
}

}  // namespace
}  // namespace orrery::engine
