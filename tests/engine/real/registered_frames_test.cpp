// SPDX-License-Identifier: Apache-2.0
// A frame that the kernel knows is the frame that the process sees: whatever becomes of it.
#include "engine/real/registered_frames.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/real/file_device.hpp"
#include "engine/real/io_ring.hpp"
#include "engine/real/mapped_frames.hpp"
#include "engine/real/threads.hpp"
#include "tests/engine/real/temporary_folder.hpp"
#include "tests/sim/request.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::Errc;
using engine::Frame;
using engine::IoKind;

namespace {

constexpr size_t kFrameSize = size_t{2} << 20;  // large enough to be given back when it is renewed

struct FramesFixture {
  tests::TemporaryFolder folder;
  engine::Threads threads;
  engine::MemoryBudget budget{UINT64_MAX};
  engine::MappedFrames frames{false, budget};
  std::unique_ptr<engine::IoRing> ring;
  std::unique_ptr<engine::FileDevice> device;

  /// False where the kernel gives us no ring, or registers nothing.
  bool start() {
    auto started = engine::IoRing::start({});
    if (!started) {
      WARN("not tried: " << started.error().what);
      return false;
    }
    ring = std::move(*started);
    frames.use(*ring);
    device = std::make_unique<engine::FileDevice>(folder.path() + "/file", engine::DeviceOptions{},
                                                  *ring, true);
    REQUIRE(device->open({}));
    // A process may pin only so much, together with others of its user.
    Frame* const frame = acquire(kFrameSize);
    REQUIRE(transact(IoKind::write, 0, frame) == Errc::ok);
    const bool registers = ring->registered_frames() == 1;
    frames.retire(frame, engine::Site::current());
    if (!registers) WARN("not tried: the kernel registers no frames");
    return registers;
  }
  Frame* acquire(size_t size) {
    auto frame = frames.acquire(1, size, engine::Site::current());
    REQUIRE(frame);
    return *frame;
  }
  void fill(Frame* frame, int value) { std::memset(frame->base, value, frame->size); }
  Errc transact(IoKind kind, uint64_t offset, Frame* frame) {
    return tests::transact(threads, *device, kind, offset, {frame->base, frame->size}, frame);
  }
  /// Whether the file holds `size` such bytes there.
  bool holds(uint64_t offset, size_t size, int value) {
    std::vector<std::byte> bytes(size);
    REQUIRE(tests::transact(threads, *device, IoKind::read, offset, bytes) == Errc::ok);
    return std::all_of(bytes.begin(), bytes.end(),
                       [value](std::byte byte) { return byte == static_cast<std::byte>(value); });
  }
};

}  // namespace

TEST_CASE("a frame is written as it is, also when it was renewed for another page", "[frames]") {
  FramesFixture fixture;
  if (!fixture.start()) return;
  Frame* const frame = fixture.acquire(kFrameSize);
  fixture.fill(frame, 1);
  CHECK(fixture.transact(IoKind::write, 0, frame) == Errc::ok);
  CHECK(fixture.ring->registered_frames() == 1);
  CHECK(fixture.holds(0, kFrameSize, 1));
  fixture.frames.renew(frame, 2, engine::Site::current());
  CHECK(frame->base[0] == std::byte{0});
  CHECK(frame->base[kFrameSize - 1] == std::byte{0});
  std::memset(frame->base + kFrameSize / 2, 2, kFrameSize / 2);
  CHECK(fixture.transact(IoKind::write, 0, frame) == Errc::ok);
  CHECK(fixture.ring->registered_frames() == 1);
  CHECK(fixture.holds(0, kFrameSize / 2, 0));
  CHECK(fixture.holds(kFrameSize / 2, kFrameSize / 2, 2));
  fixture.fill(frame, 3);
  CHECK(fixture.transact(IoKind::read, 0, frame) == Errc::ok);
  CHECK(frame->base[0] == std::byte{0});
  CHECK(frame->base[kFrameSize - 1] == std::byte{2});
  fixture.frames.retire(frame, engine::Site::current());
}

TEST_CASE("a frame of which only a part was written is not made resident", "[frames]") {
  FramesFixture fixture;
  if (!fixture.start()) return;
  Frame* const frame = fixture.acquire(kFrameSize);
  std::memset(frame->base, 1, kFrameSize / 2);
  const engine::MutableBytes half{frame->base, kFrameSize / 2};
  CHECK(tests::transact(fixture.threads, *fixture.device, IoKind::write, 0, half, frame) ==
        Errc::ok);
  CHECK(fixture.ring->registered_frames() == 0);
  fixture.fill(frame, 2);
  CHECK(fixture.transact(IoKind::write, 0, frame) == Errc::ok);
  CHECK(fixture.ring->registered_frames() == 1);
  // Known by now, a part of it goes the same way.
  CHECK(tests::transact(fixture.threads, *fixture.device, IoKind::write, kFrameSize, half, frame) ==
        Errc::ok);
  CHECK(fixture.holds(kFrameSize, kFrameSize / 2, 2));
  fixture.frames.retire(frame, engine::Site::current());
}

TEST_CASE("a frame that takes the place of a retired one is written as it is", "[frames]") {
  FramesFixture fixture;
  if (!fixture.start()) return;
  for (int value = 1; value <= 3; ++value) {
    Frame* const frame = fixture.acquire(kFrameSize);
    fixture.fill(frame, value);
    CHECK(fixture.transact(IoKind::write, 0, frame) == Errc::ok);
    CHECK(fixture.ring->registered_frames() == 1);
    CHECK(fixture.holds(0, kFrameSize, value));
    fixture.frames.retire(frame, engine::Site::current());
    CHECK(fixture.ring->registered_frames() == 0);
  }
}

TEST_CASE("frames beyond what the kernel registers are written all the same", "[frames]") {
  constexpr size_t kFrame = 4096;
  constexpr unsigned kMore = engine::RegisteredFrames::kFramesMax + 2;
  FramesFixture fixture;
  if (!fixture.start()) return;
  std::vector<Frame*> all;
  for (unsigned i = 0; i < kMore; ++i) {
    all.push_back(fixture.acquire(kFrame));
    fixture.fill(all.back(), static_cast<int>(i % 251));
    CHECK(fixture.transact(IoKind::write, i * kFrame, all.back()) == Errc::ok);
  }
  CHECK(fixture.ring->registered_frames() == engine::RegisteredFrames::kFramesMax);
  for (unsigned i = 0; i < kMore; ++i) {
    INFO(i);
    CHECK(fixture.holds(i * kFrame, kFrame, static_cast<int>(i % 251)));
  }
  // There is room again.
  fixture.frames.retire(all.front(), engine::Site::current());
  CHECK(fixture.transact(IoKind::write, 0, all.back()) == Errc::ok);
  CHECK(fixture.ring->registered_frames() == engine::RegisteredFrames::kFramesMax);
  for (size_t i = 1; i < all.size(); ++i) {
    fixture.frames.retire(all[i], engine::Site::current());
  }
  CHECK(fixture.ring->registered_frames() == 0);
}
