// SPDX-License-Identifier: Apache-2.0
// Every trial. To add one: its parts, and a row at the end.
#include "tests/engine/runtime/trial.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "tests/sim/request.hpp"

namespace orrery::tests {
namespace {

using engine::Device;
using engine::Errc;
using engine::IoKind;
using engine::Runtime;

constexpr size_t kTrialSector = 512;
constexpr const char* kData = "trial/data";  // "oo" before each trouble
constexpr const char* kNew = "trial/new";
constexpr const char* kOld = "trial/old";

/// Up to four sectors on a task's stack.
struct Sectors {
  alignas(512) std::byte bytes[4 * kTrialSector];

  explicit Sectors(char fill) { std::memset(bytes, fill, sizeof bytes); }
  engine::MutableBytes first(size_t count) {
    return engine::MutableBytes(bytes, count * kTrialSector);
  }
};

Errc write(const Runtime& runtime, Device& device, uint64_t offset, char fill, size_t count = 2) {
  Sectors sectors(fill);
  return transact(runtime.tasks, device, IoKind::write, offset, sectors.first(count));
}

/// Whether a sector is whole, and one of these letters. A dot stands for zeros.
bool sector_is(const Runtime& runtime, Device& device, uint64_t offset, std::string_view letters) {
  Sectors read('?');
  const Errc code = transact(runtime.tasks, device, IoKind::read, offset, read.first(1));
  if (code != Errc::ok) return false;
  const std::byte first = read.bytes[0];
  const char letter = first == std::byte{0} ? '.' : static_cast<char>(first);
  return letters.find(letter) != std::string_view::npos &&
         std::all_of(read.bytes, read.bytes + kTrialSector,
                     [&](std::byte b) { return b == first; });
}

bool sectors_are(const Runtime& runtime, Device& device, uint64_t offset, std::string_view letters,
                 size_t count = 2) {
  for (size_t i = 0; i < count; ++i) {
    if (!sector_is(runtime, device, offset + i * kTrialSector, letters)) return false;
  }
  return true;
}

Device* open_for_trial(const Runtime& runtime, Expect& expect, const char* name = kData) {
  const auto opened = runtime.storage.open(name, {});
  expect(opened.has_value(), "a device cannot be opened");
  return opened ? *opened : nullptr;
}

/// The names that are there, in a line; "?" if they cannot be listed.
struct NamesInLine {
  std::array<char, 256> line{};
  explicit NamesInLine(engine::Storage& storage) {
    const auto add = [](void* list, std::string_view name) {
      auto& text = static_cast<NamesInLine*>(list)->line;
      const size_t end = std::strlen(text.data());
      if (end + name.size() + 2 > text.size()) return;
      std::memcpy(text.data() + end, name.data(), name.size());
      text[end + name.size()] = ' ';
    };
    if (storage.list("", add, this)) return;
    line = {line[0] == '\0' ? '?' : '!'};  // it may not visit any then
  }
  bool are(std::string_view wanted) const { return wanted == line.data(); }
};

void remove_all(const Runtime& runtime, Expect& expect) {
  for (const char* const name : {kData, kNew, kOld}) (void)runtime.storage.remove(name);
  expect(NamesInLine(runtime.storage).are(""), "what is left cannot be removed");
}

void write_durably(const Runtime& runtime, Expect& expect) {
  Device* const device = open_for_trial(runtime, expect);
  if (device == nullptr) return;
  expect(write(runtime, *device, 0, 'o') == Errc::ok, "a write failed");
  expect(transact(runtime.tasks, *device, IoKind::sync, 0, {}) == Errc::ok, "a sync failed");
  expect(runtime.storage.sync_names().has_value(), "names cannot be synced");
  device->close();
}

void write_two(const Runtime& runtime, Expect& expect) {
  Device* const old = open_for_trial(runtime, expect, kOld);
  if (old == nullptr) return;
  old->close();
  write_durably(runtime, expect);
}

// What a device does for whoever comes after the trouble.
void expect_sound(const Runtime& runtime, Expect& expect, Device& device) {
  expect(write(runtime, device, 16'384, 's') == Errc::ok, "after it a write fails");
  expect(transact(runtime.tasks, device, IoKind::sync, 0, {}) == Errc::ok, "after it a sync fails");
  expect(sectors_are(runtime, device, 16'384, "s"), "after it a write is not read");
  device.close();
  expect(runtime.storage.sync_names().has_value(), "after it names cannot be synced");
}

// A write that must fail, and says that it did nothing, whatever it did.
void expect_no_write(const Runtime& runtime, Expect& expect, Device& device, uint64_t offset,
                     char fill) {
  Sectors sectors(fill);
  Request request(runtime.tasks);
  request.submit(device, IoKind::write, offset, sectors.first(2));
  const Errc code = request.wait();
  expect(code == Errc::no_space || code == Errc::io, "without room a write ends otherwise");
  expect(request.io.transferred == 0, "a write that failed says that it transferred something");
  if (code != Errc::ok) expect.saw();
}

// A full disk.

void use_full_disk(const Runtime& runtime, Expect& expect) {
  Device* const device = open_for_trial(runtime, expect);
  if (device == nullptr) return;
  expect_no_write(runtime, expect, *device, 4096, 'n');
  expect(sectors_are(runtime, *device, 0, "o"), "on a full disk nothing is read");
  // Some full disks take what replaces something.
  const Errc code = write(runtime, *device, 0, 'n');
  if (code == Errc::ok) expect(sectors_are(runtime, *device, 0, "n"), "a replacement is not read");
  device->close();
  // And a name.
  const auto made = runtime.storage.open(kNew, {});
  if (!made) return;
  expect_no_write(runtime, expect, **made, 0, 'n');
  (*made)->close();
}

void look_after_full_disk(const Runtime& runtime, Expect& expect) {
  Device* const device = open_for_trial(runtime, expect);
  if (device == nullptr) return;
  expect(sectors_are(runtime, *device, 0, "on"), "a full disk has torn a sector");
  expect(sectors_are(runtime, *device, 4096, ".n"), "a failed write has torn a sector");
  expect(sectors_are(runtime, *device, 2048, "."), "a failed write went elsewhere");
  expect_sound(runtime, expect, *device);
  remove_all(runtime, expect);
}

// A limit on the size of files.

void meet_file_limit(const Runtime& runtime, Expect& expect) {
  Device* const device = open_for_trial(runtime, expect);
  if (device == nullptr) return;
  constexpr uint64_t kLast = kFileMax - kTrialSector;
  expect(write(runtime, *device, kLast - kTrialSector, 'n', 1) == Errc::ok, "there was room");
  expect_no_write(runtime, expect, *device, kLast, 'c');
  expect_no_write(runtime, expect, *device, 2 * kFileMax, 'c');
  expect(sectors_are(runtime, *device, 0, "o"), "at a limit nothing is read");
  expect(sector_is(runtime, *device, kLast - kTrialSector, "n"), "what was written is not read");
  device->close();
}

void look_beyond_limit(const Runtime& runtime, Expect& expect) {
  Device* const device = open_for_trial(runtime, expect);
  if (device == nullptr) return;
  expect(sectors_are(runtime, *device, 0, "o"), "a limit has taken what was there");
  expect(sector_is(runtime, *device, kFileMax - 2 * kTrialSector, "n"),
         "a limit has taken a write");
  expect(sectors_are(runtime, *device, kFileMax - kTrialSector, ".c"), "a limit has torn a sector");
  expect(sectors_are(runtime, *device, 2 * kFileMax, ".c"), "a limit has torn a sector beyond it");
  expect_sound(runtime, expect, *device);
  remove_all(runtime, expect);
}

// A disk that answers, and does nothing that it is asked for.

void use_broken_disk(const Runtime& runtime, Expect& expect) {
  Device* const device = open_for_trial(runtime, expect);
  if (device == nullptr) return;
  expect_no_write(runtime, expect, *device, 4096, 'n');
  Sectors read('?');
  Request request(runtime.tasks);
  request.submit(*device, IoKind::read, 0, read.first(2));
  expect(request.wait() == Errc::io, "a broken disk is read");
  expect(request.io.transferred == 0, "a read that failed says that it transferred something");
  const Errc synced = transact(runtime.tasks, *device, IoKind::sync, 0, {});
  expect(synced == Errc::io, "a broken disk syncs");
  device->close();
}

void look_after_break(const Runtime& runtime, Expect& expect) {
  Device* const device = open_for_trial(runtime, expect);
  if (device == nullptr) return;
  expect(sectors_are(runtime, *device, 0, "o"), "a disk that broke has lost what was durable");
  expect(sectors_are(runtime, *device, 4096, ".n"), "a failed write has torn a sector");
  expect_sound(runtime, expect, *device);
  remove_all(runtime, expect);
}

// A file system that is read-only.

// Devices are opened to be written: not even those that are there can be opened.
void use_read_only(const Runtime& runtime, Expect& expect) {
  for (const char* const name : {kData, kNew}) {
    const bool refused = !runtime.storage.open(name, {});
    expect(refused, "a device was opened where nothing can be written");
    if (refused) expect.saw();
  }
  expect(!runtime.storage.remove(kData), "a name was removed where none can be");
  const NamesInLine names(runtime.storage);
  expect(names.are("trial/data ") || names.are("?"), "a refusal has changed the names");
}

void look_at_unchanged(const Runtime& runtime, Expect& expect) {
  expect(NamesInLine(runtime.storage).are("trial/data "), "a refusal changed the names");
  Device* const device = open_for_trial(runtime, expect);
  Device* const made = open_for_trial(runtime, expect, kNew);
  if (device == nullptr || made == nullptr) return;
  made->close();
  expect(sectors_are(runtime, *device, 0, "o"), "what could not be written has changed");
  expect_sound(runtime, expect, *device);
  remove_all(runtime, expect);
}

// Names that can be neither listed nor removed, nor made durable. Whether a device is opened
// is another matter.

void use_broken_names(const Runtime& runtime, Expect& expect) {
  const auto made = runtime.storage.open(kNew, {});
  if (made) (*made)->close();
  const bool synced = runtime.storage.sync_names().has_value();
  expect(!synced, "names are synced where they cannot be");
  expect(NamesInLine(runtime.storage).are("?"), "names are listed where they cannot be");
  expect(!runtime.storage.remove(kOld), "a name is removed where none can be");
  if (!synced) expect.saw();
}

// What has failed has happened, or not.
void look_at_names(const Runtime& runtime, Expect& expect) {
  const NamesInLine names(runtime.storage);
  bool known = false;
  for (const char* const possible : {"trial/data ", "trial/data trial/new ",
                                     "trial/data trial/old ", "trial/data trial/new trial/old "}) {
    known = known || names.are(possible);
  }
  expect(known, "calls that failed have changed other names");
  Device* const device = open_for_trial(runtime, expect);
  if (device == nullptr) return;
  expect(sectors_are(runtime, *device, 0, "o"), "what has a broken name has changed");
  expect_sound(runtime, expect, *device);
  remove_all(runtime, expect);
}

// Transfers that end early.

// As an engine does it: what is missing is asked for again.
bool transfer_all(const Runtime& runtime, Expect& expect, Device& device, IoKind kind,
                  uint64_t offset, engine::MutableBytes bytes) {
  for (int tries = 0; tries < 64; ++tries) {
    Request request(runtime.tasks);
    request.submit(device, kind, offset, bytes);
    if (request.wait() != Errc::ok) return false;
    const size_t count = request.io.transferred;
    expect(count <= bytes.size() && count % kTrialSector == 0,
           "a transfer ended inside of a sector");
    if (count < bytes.size()) expect.saw();
    if (count >= bytes.size()) return true;
    offset += count;
    bytes = bytes.subspan(count);
  }
  return false;
}

void transfer_in_parts(const Runtime& runtime, Expect& expect) {
  Device* const device = open_for_trial(runtime, expect);
  if (device == nullptr) return;
  Sectors sectors('a');
  std::memset(sectors.bytes + kTrialSector, 'b', kTrialSector);
  std::memset(sectors.bytes + 2 * kTrialSector, 'c', 2 * kTrialSector);
  Sectors read('?');
  for (uint64_t offset = 2048; offset <= 16'384; offset *= 2) {
    expect(transfer_all(runtime, expect, *device, IoKind::write, offset, sectors.first(4)),
           "a write does not come to its end");
    expect(transfer_all(runtime, expect, *device, IoKind::read, offset, read.first(4)),
           "a read does not come to its end");
    expect(std::memcmp(read.bytes, sectors.bytes, sizeof read.bytes) == 0,
           "what was read in parts is not what was written in parts");
  }
  expect(device->size() == 16'384 + sizeof sectors.bytes, "a write in parts has no end");
  device->close();
}

void look_at_parts(const Runtime& runtime, Expect& expect) {
  Device* const device = open_for_trial(runtime, expect);
  if (device == nullptr) return;
  expect(sectors_are(runtime, *device, 0, "o"), "a write in parts went elsewhere");
  for (uint64_t offset = 2048; offset <= 16'384; offset *= 2) {
    expect(sector_is(runtime, *device, offset, "a"), "the first part is not there");
    expect(sector_is(runtime, *device, offset + kTrialSector, "b"), "the second part is not there");
    expect(sectors_are(runtime, *device, offset + 2 * kTrialSector, "c"),
           "the last part is not there");
  }
  expect_sound(runtime, expect, *device);
  remove_all(runtime, expect);
}

// No memory.

constexpr size_t kGivenMax = 400;
constexpr size_t kBlock = 100'000;
constexpr size_t kFrame = 65'536;

struct Given {
  std::byte* blocks[kGivenMax] = {};
  engine::Frame* frames[kGivenMax] = {};
  size_t block_count = 0;
  size_t frame_count = 0;
};

// Each is filled with its number.
bool are_whole(const Given& given) {
  const auto is_filled = [](const std::byte* bytes, size_t size, size_t number) {
    const auto own = static_cast<std::byte>(number);
    return bytes[0] == own && bytes[size / 2] == own && bytes[size - 1] == own;
  };
  for (size_t i = 0; i < given.block_count; ++i) {
    if (!is_filled(given.blocks[i], kBlock, i)) return false;
  }
  for (size_t i = 0; i < given.frame_count; ++i) {
    if (!is_filled(given.frames[i]->base, kFrame, i)) return false;
  }
  return true;
}

void use_all_memory(const Runtime& runtime, Expect& expect) {
  Device* const device = open_for_trial(runtime, expect);
  if (device == nullptr) return;
  Given given;
  bool block_refused = false;
  bool frame_refused = false;
  while (!(block_refused && frame_refused) && given.block_count < kGivenMax &&
         given.frame_count < kGivenMax) {
    const auto block = runtime.memory.allocate(kBlock, 8, "block");
    const auto frame = runtime.frames.acquire(1, kFrame);
    for (const Errc code :
         {block ? Errc::ok : block.error().code, frame ? Errc::ok : frame.error().code}) {
      expect(code == Errc::ok || code == Errc::no_memory, "memory is refused with another error");
    }
    block_refused = block_refused || !block;
    frame_refused = frame_refused || !frame;
    if (block) {
      std::memset(*block, static_cast<int>(given.block_count & 255), kBlock);
      given.blocks[given.block_count++] = static_cast<std::byte*>(*block);
    }
    if (frame) {
      std::memset((*frame)->base, static_cast<int>(given.frame_count & 255), kFrame);
      given.frames[given.frame_count++] = *frame;
    }
  }
  expect(block_refused && frame_refused, "memory has no end");
  if (block_refused && frame_refused) expect.saw();
  // Requests are taken or refused, and end.
  const Errc code = write(runtime, *device, 4096, 'n');
  expect(code == Errc::ok || code == Errc::no_memory, "without memory a write ends otherwise");
  expect(are_whole(given), "a refusal has touched what somebody else was given");
  for (size_t i = 0; i < given.block_count; ++i) runtime.memory.free(given.blocks[i]);
  for (size_t i = 0; i < given.frame_count; ++i) runtime.frames.retire(given.frames[i]);
  device->close();
}

void look_after_refusals(const Runtime& runtime, Expect& expect) {
  const auto block = runtime.memory.allocate(kBlock, 8, "block");
  const auto frame = runtime.frames.acquire(1, kFrame);
  expect(block && frame, "memory that was given back is not given again");
  if (block) runtime.memory.free(*block);
  if (frame) runtime.frames.retire(*frame);
  Device* const device = open_for_trial(runtime, expect);
  if (device == nullptr) return;
  expect(sectors_are(runtime, *device, 0, "o"), "what was there has changed");
  expect_sound(runtime, expect, *device);
  remove_all(runtime, expect);
}

// A process that is killed. What a device or a storage said that it did is there; nothing of it is
// durable, and only power would take it.

struct Orphan {
  engine::Io io;
  alignas(512) std::byte bytes[2 * kTrialSector];
};

void work_until_killed(const Runtime& runtime, Expect& expect) {
  Device* const device = open_for_trial(runtime, expect);
  Device* const made = open_for_trial(runtime, expect, kNew);
  if (device == nullptr || made == nullptr) return;
  expect(write(runtime, *device, 0, 'n', 1) == Errc::ok, "a write failed");
  expect(write(runtime, *made, 0, 'w') == Errc::ok, "a write to a new name failed");
  expect(runtime.storage.remove(kOld).has_value(), "a name cannot be removed");
  // Under way when it happens. Nobody frees it.
  const auto memory = runtime.memory.allocate(sizeof(Orphan), 512, "orphan");
  if (!memory) return expect(false, "there is no memory");
  auto* const orphan = new (*memory) Orphan();
  std::memset(orphan->bytes, 'z', sizeof orphan->bytes);
  orphan->io.kind = IoKind::write;
  orphan->io.offset = 4096;
  orphan->io.length = sizeof orphan->bytes;
  orphan->io.buffer = orphan->bytes;
  orphan->io.done = [](engine::Io&) {};
  device->submit(orphan->io);
  expect.saw();
}

void look_after_kill(const Runtime& runtime, Expect& expect) {
  expect(NamesInLine(runtime.storage).are("trial/data trial/new "), "a kill has changed the names");
  Device* const device = open_for_trial(runtime, expect);
  Device* const made = open_for_trial(runtime, expect, kNew);
  if (device == nullptr || made == nullptr) return;
  expect(sector_is(runtime, *device, 0, "n"), "a kill has taken a write");
  expect(sector_is(runtime, *device, kTrialSector, "o"), "a kill has taken what was durable");
  expect(sectors_are(runtime, *made, 0, "w"), "a kill has taken what stands behind a new name");
  expect(sectors_are(runtime, *device, 4096, ".z"), "a kill has torn a sector");
  made->close();
  expect_sound(runtime, expect, *device);
  remove_all(runtime, expect);
}

constexpr Trial kTrials[] = {
    {"on a full disk writes fail, and nothing else", Trouble::full_disk, &write_durably,
     &use_full_disk, &look_after_full_disk},
    {"at a limit on the size of files writes beyond it fail", Trouble::small_files, &write_durably,
     &meet_file_limit, &look_beyond_limit},
    {"where nothing can be read, written or synced each request says so", Trouble::broken_disk,
     &write_durably, &use_broken_disk, &look_after_break},
    {"where nothing can be changed nothing is", Trouble::read_only, &write_durably, &use_read_only,
     &look_at_unchanged},
    {"where names can be neither listed nor removed nor synced each call says so",
     Trouble::broken_names, &write_two, &use_broken_names, &look_at_names},
    {"a transfer that ends early says how far it came", Trouble::short_transfers, &write_durably,
     &transfer_in_parts, &look_at_parts},
    {"memory that is refused says so, and takes nothing", Trouble::no_memory, &write_durably,
     &use_all_memory, &look_after_refusals},
    {"what was done before a kill is there after it", Trouble::kill, &write_two, &work_until_killed,
     &look_after_kill},
};

}  // namespace

std::span<const Trial> all_trials() { return kTrials; }

}  // namespace orrery::tests
