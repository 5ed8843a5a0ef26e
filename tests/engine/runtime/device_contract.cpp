// SPDX-License-Identifier: Apache-2.0
// The contracts of Device.
#include <cstring>

#include "engine/runtime/null_device.hpp"
#include "tests/engine/runtime/contract.hpp"
#include "tests/sim/request.hpp"
#include "tests/start.hpp"

namespace orrery::tests {

using engine::Errc;
using engine::IoKind;
using engine::Runtime;

namespace {

constexpr size_t kSector = 512;

/// Two sectors on a task's stack.
struct Payload {
  alignas(512) std::byte bytes[2 * kSector];

  explicit Payload(char fill) { std::memset(bytes, fill, sizeof bytes); }
  bool is(char first, char second) const {
    for (size_t at = 0; at < sizeof bytes; ++at) {
      if (bytes[at] != static_cast<std::byte>(at < kSector ? first : second)) return false;
    }
    return true;
  }
};

engine::Device* open(const Runtime& runtime, Expect& expect,
                     const engine::DeviceOptions& options = {}) {
  const auto opened = runtime.storage.open("contract/data", options);
  expect(opened.has_value(), "a device cannot be opened");
  return opened ? *opened : nullptr;
}

/// Leaves nothing to the next body.
void discard(const Runtime& runtime, Expect& expect, engine::Device& device) {
  device.close();
  expect(runtime.storage.remove("contract/data").has_value(), "a device cannot be removed");
}

bool holds(const Runtime& runtime, engine::Device& device, uint64_t offset, char first,
           char second) {
  Payload payload('?');
  const Errc code = transact(runtime.tasks, device, IoKind::read, offset, payload.bytes);
  return code == Errc::ok && payload.is(first, second);
}

}  // namespace

void device_keeps(const Runtime& runtime, Expect& expect) {
  engine::Device* const device = open(runtime, expect);
  if (device == nullptr) return;
  Payload payload('w');
  Request write(runtime.tasks);
  write.submit(*device, IoKind::write, 1024, payload.bytes);
  expect(write.wait() == Errc::ok, "a write failed");
  expect(write.io.transferred == sizeof payload.bytes, "a write was cut short");
  expect(device->size() == 2048, "a device does not know its size");
  expect(transact(runtime.tasks, *device, IoKind::sync, 0, {}) == Errc::ok, "a sync failed");
  expect(holds(runtime, *device, 1024, 'w', 'w'), "what was written is not read");
  std::memset(payload.bytes, 'n', kSector);
  transact(runtime.tasks, *device, IoKind::write, 1536, {payload.bytes, kSector});
  expect(holds(runtime, *device, 1024, 'w', 'n'), "what was written over is not read");
  const auto frame = runtime.frames.acquire(5, 1024);
  if (frame) {
    transact(runtime.tasks, *device, IoKind::read, 1024, {(*frame)->base, 1024}, *frame);
    expect(engine::PageRef::at(*frame, 5, 512).load<uint8_t>() == 'n', "a frame was not read into");
    engine::PageRef::at(*frame, 5, 0).store<uint8_t>('f');
    transact(runtime.tasks, *device, IoKind::write, 0, {(*frame)->base, 1024}, *frame);
    runtime.frames.retire(*frame);
    Payload read('?');
    transact(runtime.tasks, *device, IoKind::read, 0, read.bytes);
    expect(read.bytes[0] == std::byte{'f'} && read.bytes[512] == std::byte{'n'},
           "a frame was not written");
  }
  discard(runtime, expect, *device);
}

void device_reads_zeros(const Runtime& runtime, Expect& expect) {
  engine::Device* const device = open(runtime, expect);
  if (device == nullptr) return;
  expect(device->size() == 0, "a new device has a size");
  expect(holds(runtime, *device, 0, 0, 0), "a new device does not read as zeros");
  Payload payload('w');
  transact(runtime.tasks, *device, IoKind::write, 4096, {payload.bytes, kSector});
  expect(holds(runtime, *device, 1024, 0, 0), "a gap does not read as zeros");
  expect(holds(runtime, *device, 4096, 'w', 0), "beyond the end there are no zeros");
  Request beyond(runtime.tasks);
  beyond.submit(*device, IoKind::read, 8192, payload.bytes);
  expect(beyond.wait() == Errc::ok && beyond.io.transferred == 1024, "a read beyond was cut short");
  expect(device->size() == 4608, "a read changed the size");
  discard(runtime, expect, *device);
}

void device_refuses(const Runtime& runtime, Expect& expect) {
  struct Row {
    engine::DeviceOptions options;
    uint64_t offset;
    size_t length;
    bool fits;
    size_t at = 0;  // of the buffer
  };
  constexpr Row kRows[] = {
      {{}, 256, 512, false},         {{}, 0, 256, false},
      {{}, 512, 513, false},         {{}, 0, 0, false},
      {{}, 512, 1024, true},         {{0, 4096}, 512, 4096, false},
      {{0, 64}, 64, 128, true},      {{2048, 512}, 1536, 512, true},
      {{2048, 512}, 0, 2048, true},  {{2048, 512}, 1536, 1024, false},
      {{2048, 512}, 0, 2560, false}, {{}, 0, 512, true, 8},
      {{}, 0, 512, false, 4},
  };
  alignas(512) std::byte bytes[4096] = {};
  for (const IoKind kind : {IoKind::write, IoKind::read}) {
    for (const Row& row : kRows) {
      engine::Device* const device = open(runtime, expect, row.options);
      if (device == nullptr) return;
      expect(device->sector_size() == row.options.sector_size, "a device forgot its sector");
      expect(!device->is_null(), "a device that stores is the null device");
      Request request(runtime.tasks);
      request.submit(*device, kind, row.offset, {bytes + row.at, row.length});
      const bool was_inline = request.has_ended();
      const Errc code = request.wait();
      if (row.fits) {
        expect(code == Errc::ok, "a request that is right was refused");
      } else {
        expect(was_inline, "a refusal came late");
        expect(code == Errc::invalid, "a request that is wrong is not invalid");
        expect(device->size() == 0, "a refused request had an effect");
      }
      discard(runtime, expect, *device);
    }
  }
}

void device_finishes_once(const Runtime& runtime, Expect& expect) {
  engine::Device* const device = open(runtime, expect);
  if (device == nullptr) return;
  Payload payload('x');
  Payload target('?');
  Request requests[6] = {Request(runtime.tasks), Request(runtime.tasks), Request(runtime.tasks),
                         Request(runtime.tasks), Request(runtime.tasks), Request(runtime.tasks)};
  for (uint64_t i = 0; i < 6; ++i) {
    const IoKind kind = i == 3 ? IoKind::sync : i == 2 ? IoKind::read : IoKind::write;
    Payload& buffer = kind == IoKind::read ? target : payload;
    requests[i].submit(*device, kind, i * 1024,
                       {buffer.bytes, kind == IoKind::sync ? 0 : sizeof buffer.bytes});
  }
  bool taken[6] = {};
  for (const size_t i : {5U, 2U, 3U}) taken[i] = device->cancel(requests[i].io);
  (void)device->try_complete();
  for (Request& request : requests) request.wait();
  for (size_t i = 0; i < 6; ++i) {
    expect(requests[i].io.error == (taken[i] ? Errc::cancelled : Errc::ok),
           "a request did not end as it was said to");
  }
  // Once more through the device: by then a second completion would have come.
  expect(transact(runtime.tasks, *device, IoKind::sync, 0, {}) == Errc::ok, "a sync failed");
  for (const Request& request : requests) {
    expect(request.finishes == 1, "a request was not finished once");
  }
  discard(runtime, expect, *device);
}

namespace {

// At once, or when some of the work of the device has been done, perhaps of this request too.
void cancel_one(const Runtime& runtime, Expect& expect, engine::Device& device, bool late) {
  Payload busy('b');
  Payload payload('x');
  Request others[2] = {Request(runtime.tasks), Request(runtime.tasks)};
  for (uint64_t i = 0; i < 2; ++i) {
    others[i].submit(device, IoKind::write, 4096 + i * 1024, busy.bytes);
  }
  Request request(runtime.tasks);
  request.submit(device, IoKind::write, 0, payload.bytes);
  if (late) others[0].wait();
  const bool taken = device.cancel(request.io);
  const Errc code = request.wait();
  expect(code == (taken ? Errc::cancelled : Errc::ok), "a cancelled request ends otherwise");
  expect(!taken || request.io.transferred == 0, "a cancelled request transferred something");
  const char expected = taken ? 0 : 'x';
  expect(holds(runtime, device, 0, expected, expected), "a cancelled request had an effect");
  expect(!device.cancel(request.io), "a request was cancelled after its end");
  Request unknown(runtime.tasks);
  expect(!device.cancel(unknown.io), "a request was cancelled that was never submitted");
  for (Request& other : others) expect(other.wait() == Errc::ok, "another request was hit");
}

}  // namespace

void device_cancels(const Runtime& runtime, Expect& expect) {
  for (const bool late : {false, true}) {
    engine::Device* const device = open(runtime, expect);
    if (device == nullptr) return;
    cancel_one(runtime, expect, *device, late);
    discard(runtime, expect, *device);
  }
}

namespace {

// More than any carrier of requests has under way at once.
struct Crowd {
  static constexpr size_t kCount = 300;
  static constexpr size_t kCancelled = 8;  // the last ones

  engine::Device* device = nullptr;
  engine::Semaphore* ended = nullptr;
  engine::Io first;
  engine::Io io[kCount];
  bool taken[kCount] = {};
  alignas(8) std::byte bytes[kSector] = {};

  // Whoever runs completions is busy with this one, and there may be nobody else: what has not
  // begun when it is cancelled does not begin.
  void submit_all() {
    for (size_t i = 0; i < kCount; ++i) {
      io[i].kind = IoKind::write;
      io[i].offset = i * kSector;
      io[i].length = kSector;
      io[i].buffer = bytes;
      io[i].owner = this;
      io[i].done = [](engine::Io& one) { static_cast<Crowd*>(one.owner)->ended->release(); };
      device->submit(io[i]);
    }
    for (size_t i = kCount - kCancelled; i < kCount; ++i) taken[i] = device->cancel(io[i]);
  }
};

}  // namespace

void device_cancels_what_waits(const Runtime& runtime, Expect& expect) {
  engine::Device* const device = open(runtime, expect);
  if (device == nullptr) return;
  engine::Semaphore ended(runtime.tasks);
  auto made = engine::make_owned<Crowd>(runtime.memory, "crowd");
  if (!made) return expect(false, "there is no memory");
  Crowd& crowd = **made;
  crowd.device = device;
  crowd.ended = &ended;
  std::memset(crowd.bytes, 'x', sizeof crowd.bytes);
  crowd.first.kind = IoKind::sync;
  crowd.first.owner = &crowd;
  crowd.first.done = [](engine::Io& io) {
    auto& own = *static_cast<Crowd*>(io.owner);
    engine::Semaphore& all = *own.ended;
    own.submit_all();
    all.release();
  };
  device->submit(crowd.first);
  for (size_t i = 0; i <= Crowd::kCount; ++i) ended.acquire();
  for (size_t i = 0; i < Crowd::kCount; ++i) {
    expect(crowd.io[i].error == (crowd.taken[i] ? Errc::cancelled : Errc::ok),
           "a request of a crowd did not end as it was said to");
    if (crowd.taken[i]) expect.saw();
    if (i + 2 * Crowd::kCancelled < Crowd::kCount) continue;
    alignas(512) std::byte bytes[kSector];
    transact(runtime.tasks, *device, IoKind::read, i * kSector, bytes);
    expect(bytes[0] == (crowd.taken[i] ? std::byte{0} : std::byte{'x'}),
           "a request of a crowd had another effect than it said");
  }
  discard(runtime, expect, *device);
}

namespace {

struct Block {
  engine::Io io;
  const Runtime* runtime = nullptr;
  engine::Semaphore* ended = nullptr;
  alignas(8) std::byte bytes[kSector] = {};
};

}  // namespace

void device_lets_go(const Runtime& runtime, Expect& expect) {
  constexpr uint32_t kBlocks = 6;
  engine::Device* const device = open(runtime, expect);
  if (device == nullptr) return;
  engine::Semaphore ended(runtime.tasks);
  for (uint32_t i = 0; i < kBlocks; ++i) {
    const auto memory = runtime.memory.allocate(sizeof(Block), 8, "block");
    if (!memory) return expect(false, "there is no memory");
    auto* const block = new (*memory) Block();
    block->runtime = &runtime;
    block->ended = &ended;
    block->io.kind = IoKind::write;
    block->io.offset = i * kSector;
    block->io.length = kSector;
    block->io.buffer = block->bytes;
    block->io.owner = block;
    block->io.done = [](engine::Io& io) {
      auto* const own = static_cast<Block*>(io.owner);
      engine::Semaphore& all = *own->ended;
      own->runtime->memory.free(own);
      all.release();
    };
    device->submit(block->io);
  }
  for (uint32_t i = 0; i < kBlocks; ++i) ended.acquire();
  expect(device->size() == kBlocks * kSector, "a write is missing");
  discard(runtime, expect, *device);
}

namespace {

struct Chain {
  engine::Device& device;
  engine::Latch ended;
  engine::Io io[12];
  int submitted = 0;

  void next() {
    engine::Io& one = io[submitted++];
    one.kind = IoKind::sync;
    one.owner = this;
    one.done = [](engine::Io& finished) {
      auto& self = *static_cast<Chain*>(finished.owner);
      if (self.submitted < 12) return self.next();
      self.ended.open();
    };
    device.submit(one);
  }
};

}  // namespace

void device_takes_chains(const Runtime& runtime, Expect& expect) {
  engine::Device* const device = open(runtime, expect);
  if (device == nullptr) return;
  {
    Chain chain{*device, engine::Latch(runtime.tasks), {}};
    chain.next();
    chain.ended.wait();
    expect(chain.submitted == 12, "a chain of requests broke");
  }
  // The last completion may still be on its way out of the chain's latch: that is the latch's
  // promise, not the device's.
  discard(runtime, expect, *device);
}

void device_keeps_requests_of_the_gone(const Runtime& runtime, Expect& expect) {
  engine::Device* const device = open(runtime, expect);
  if (device == nullptr) return;
  Payload payload('x');
  for (uint64_t i = 0; i < 8; ++i) {
    Request requests[2] = {Request(runtime.tasks), Request(runtime.tasks)};
    const auto body = [&] {
      requests[0].submit(*device, IoKind::write, i * 1024, payload.bytes);
      requests[1].submit(*device, IoKind::sync, 0, {});
    };
    runtime.tasks.join(start(runtime.tasks, {"passer-by", i}, body));
    for (Request& request : requests) {
      expect(request.wait() == Errc::ok, "a request ended with the task that made it");
    }
    expect(holds(runtime, *device, i * 1024, 'x', 'x'), "a write of one who is gone is lost");
  }
  discard(runtime, expect, *device);
}

void device_serves_many(const Runtime& runtime, Expect& expect) {
  engine::Device* const device = open(runtime, expect);
  if (device == nullptr) return;
  engine::Atomic<uint32_t> next{0};
  const auto body = [&] {
    const uint32_t own = next.fetch_add(1);
    const char letter = static_cast<char>('a' + own);
    for (uint64_t i = 0; i < 4; ++i) {
      const uint64_t offset = (4 * i + own) * 1024;
      Payload payload(letter);
      const Errc code = transact(runtime.tasks, *device, IoKind::write, offset, payload.bytes);
      expect(code == Errc::ok, "a write among others failed");
      expect(holds(runtime, *device, offset, letter, letter), "a write among others is not read");
    }
  };
  engine::TaskId started[4];
  for (engine::TaskId& task : started) task = start(runtime.tasks, {"user", 0}, body);
  for (const engine::TaskId task : started) runtime.tasks.join(task);
  expect(device->size() == 16 * 1024, "a write among others is missing");
  discard(runtime, expect, *device);
}

void device_closes(const Runtime& runtime, Expect& expect) {
  engine::Device* const device = open(runtime, expect);
  if (device == nullptr) return;
  Payload payload('x');
  Request requests[4] = {Request(runtime.tasks), Request(runtime.tasks), Request(runtime.tasks),
                         Request(runtime.tasks)};
  for (uint64_t i = 0; i < 4; ++i) {
    requests[i].submit(*device, IoKind::write, i * 1024, payload.bytes);
  }
  device->close();
  Request late(runtime.tasks);
  late.submit(*device, IoKind::write, 0, payload.bytes);
  expect(late.has_ended(), "a closed device keeps a request");
  expect(late.wait() == Errc::cancelled, "a closed device takes requests");
  bool written[4] = {};
  for (size_t i = 0; i < 4; ++i) {
    const Errc code = requests[i].wait();
    written[i] = code == Errc::ok;
    expect(written[i] || code == Errc::cancelled, "a request failed because of a close");
  }
  engine::Device* const again = open(runtime, expect);
  if (again == nullptr) return;
  for (uint64_t i = 0; i < 4; ++i) {
    if (written[i]) expect(holds(runtime, *again, i * 1024, 'x', 'x'), "a close lost a write");
  }
  discard(runtime, expect, *again);
}

void device_truncates(const Runtime& runtime, Expect& expect) {
  engine::Device* const device = open(runtime, expect, {4096, 512});
  if (device == nullptr) return;
  Payload payload('x');
  for (uint64_t offset = 0; offset < 12'288; offset += 1024) {
    transact(runtime.tasks, *device, IoKind::write, offset, payload.bytes);
  }
  device->truncate_until(4096 + 1024);  // only the first segment is whole
  for (uint64_t offset = 4096; offset < 12'288; offset += 1024) {
    expect(holds(runtime, *device, offset, 'x', 'x'), "a truncation took too much");
  }
  expect(device->size() == 12'288, "a truncation changed the size");
  device->reset();
  expect(device->size() == 0, "an emptied device has a size");
  expect(holds(runtime, *device, 8192, 0, 0), "an emptied device holds something");
  transact(runtime.tasks, *device, IoKind::write, 1024, payload.bytes);
  expect(holds(runtime, *device, 1024, 'x', 'x'), "an emptied device does not write");
  expect(transact(runtime.tasks, *device, IoKind::sync, 0, {}) == Errc::ok, "a sync failed");
  discard(runtime, expect, *device);
}

// What was under way may come before or behind it; what had ended is gone.
void device_resets_under_requests(const Runtime& runtime, Expect& expect) {
  engine::Device* const device = open(runtime, expect);
  if (device == nullptr) return;
  Payload old('o');
  for (const uint64_t offset : {uint64_t{0}, uint64_t{16'384}}) {
    transact(runtime.tasks, *device, IoKind::write, offset, old.bytes);
  }
  Payload payload('x');
  Payload target('?');
  Request requests[6] = {Request(runtime.tasks), Request(runtime.tasks), Request(runtime.tasks),
                         Request(runtime.tasks), Request(runtime.tasks), Request(runtime.tasks)};
  for (uint64_t i = 0; i < 4; ++i) {
    requests[i].submit(*device, IoKind::write, i * 1024, payload.bytes);
  }
  requests[4].submit(*device, IoKind::read, 16'384, target.bytes);
  requests[5].submit(*device, IoKind::sync, 0, {});
  device->reset();
  for (Request& request : requests) {
    expect(request.wait() == Errc::ok, "a request failed because of a reset");
    expect(request.finishes == 1, "a request under a reset was not finished once");
  }
  expect(target.is('o', 'o') || target.is(0, 0) || target.is('o', 0) || target.is(0, 'o'),
         "a read under a reset saw what was never written");
  for (uint64_t at = 0; at < 4096; at += kSector) {
    Payload found('?');
    transact(runtime.tasks, *device, IoKind::read, at, {found.bytes, kSector});
    expect(found.is('x', '?') || found.is(0, '?'), "a reset has torn a sector, or left something");
  }
  expect(holds(runtime, *device, 16'384, 0, 0), "an emptied device holds what had been written");
  expect(device->size() <= 4096, "an emptied device has a size");
  transact(runtime.tasks, *device, IoKind::write, 1024, old.bytes);
  expect(holds(runtime, *device, 1024, 'o', 'o'), "a device emptied under requests does not write");
  expect(transact(runtime.tasks, *device, IoKind::sync, 0, {}) == Errc::ok, "a sync failed");
  discard(runtime, expect, *device);
}

void null_device_stores_nothing(const Runtime& runtime, Expect& expect) {
  engine::NullDevice device(4096);
  expect(device.is_null() && device.sector_size() == 4096, "a null device is another");
  alignas(512) std::byte bytes[4096];
  std::memset(bytes, 'x', sizeof bytes);
  for (const IoKind kind : {IoKind::write, IoKind::sync, IoKind::read}) {
    Request request(runtime.tasks);
    request.submit(device, kind, 8192, {bytes, kind == IoKind::sync ? 0 : sizeof bytes});
    expect(request.has_ended(), "a null device keeps a request");
    expect(request.wait() == Errc::ok, "a null device has failed");
    expect(request.io.transferred == request.io.length, "a null device cuts a request short");
    expect(!device.cancel(request.io) && !device.try_complete(), "a null device has work left");
  }
  expect(bytes[0] == std::byte{'x'} && bytes[4095] == std::byte{'x'}, "a null device has read");
  expect(device.size() == 12'288, "a null device does not know how far it was written");
  device.truncate_until(8192);
  expect(device.size() == 12'288, "a truncation changed the size");
  device.reset();
  expect(device.size() == 0, "an emptied device has a size");
  device.close();
}

}  // namespace orrery::tests
