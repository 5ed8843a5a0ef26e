// SPDX-License-Identifier: Apache-2.0
// Page frames: lifetimes with generations, and what every kind of misuse looks like.
#include "sim/frames.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "tests/sim/test_world.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::Frame;
using engine::PageRef;
using tests::TestWorld;

namespace {

constexpr size_t kFrameSize = 4096;
const std::string kStale = "lifetimes: a page was used after its lifetime ended";

/// Plays `body` with Frames and gives the verdict.
template <typename Body>
std::string verdict_of(TestWorld& world, const Body& body) {
  engine::Frames& frames = world.runtime().frames;
  world.play_calmly([&] { body(frames); });
  return world.verdict();
}

uint64_t resident_kib() {
  struct rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss);
}

}  // namespace

TEST_CASE("a frame reads zeros in each of its lifetimes", "[frames]") {
  TestWorld world;
  for (int guarded = 0; guarded < 2; ++guarded) {
    world.laws.guarded = guarded != 0;
    for (const size_t size : {64U, 512U, 4096U, 65'536U, 2'097'152U}) {
      uint64_t not_zero = 0;
      const auto body = [&](engine::Frames& frames) {
        Frame* const frame = *frames.acquire(0, size);
        for (int64_t page = 0; page < 5; ++page) {
          if (page > 0) frames.renew(frame, page);
          for (size_t at = 0; at + 8 <= size; at += size / 8) {
            const PageRef word = PageRef::at(frame, page, at);
            not_zero += word.load_word();
            word.store_word(~uint64_t{0});
          }
        }
        frames.retire(frame);
        Frame* const next = *frames.acquire(9, size);
        not_zero += PageRef::at(next, 9, size - 8).load_word();
        frames.retire(next);
      };
      REQUIRE(verdict_of(world, body) == "ok");
      REQUIRE(not_zero == 0);
      REQUIRE(world.world.frames().live_count() == 0);
    }
  }
}

TEST_CASE("each holding is a lifetime of its own, with its provenance", "[frames]") {
  TestWorld world;
  uint64_t generations[3];
  const auto body = [&](engine::Frames& frames) {
    Frame* const frame = *frames.acquire(7, kFrameSize);
    generations[0] = frame->generation;
    frames.renew(frame, 8);
    generations[1] = frame->generation;
    Frame* const other = *frames.acquire(9, kFrameSize);
    generations[2] = other->generation;
    frames.retire(frame);
  };
  REQUIRE(verdict_of(world, body) == "ok");
  const auto& lifetimes = world.world.trace().lifetimes;
  REQUIRE(lifetimes.size() == 3);
  for (uint64_t i = 0; i < 3; ++i) REQUIRE(generations[i] == i + 1);
  REQUIRE(lifetimes[0].page == 7);
  REQUIRE(lifetimes[0].retired_step == lifetimes[1].acquired_step);
  REQUIRE(lifetimes[1].retired_step > lifetimes[1].acquired_step);
  REQUIRE(lifetimes[1].retired_by == 0);
  REQUIRE(lifetimes[1].retired_at.line() > lifetimes[1].acquired_at.line());
  REQUIRE(lifetimes[2].retired_step == UINT64_MAX);
  REQUIRE(world.world.frames().live_count() == 1);
}

TEST_CASE("a stale reference is caught though its bytes are validly mapped", "[frames]") {
  TestWorld world;
  const auto after_renewal = [](engine::Frames& frames) {
    Frame* const frame = *frames.acquire(3, kFrameSize);
    const PageRef stale = PageRef::at(frame, 3, 80);
    frames.renew(frame, 4);
    (void)stale.load_word();
  };
  REQUIRE(verdict_of(world, after_renewal) == kStale);
  REQUIRE(world.scheduler().failure()->generation == 1);
  REQUIRE(world.scheduler().failure()->touching == 2);
  REQUIRE_THAT(world.text(), Catch::Matchers::ContainsSubstring("page 3 was used at offset 80"));
  const auto after_retirement = [](engine::Frames& frames) {
    Frame* const frame = *frames.acquire(3, kFrameSize);
    const PageRef stale = PageRef::at(frame, 3, 80);
    frames.retire(frame);
    stale.store_word(1);
  };
  REQUIRE(verdict_of(world, after_retirement) == kStale);
  REQUIRE(world.scheduler().failure()->generation == 1);
  REQUIRE(world.scheduler().failure()->touching == 0);
}

TEST_CASE("every kind of access is checked", "[frames]") {
  TestWorld world;
  std::byte bytes[16] = {};
  uint64_t expected = 0;
  using Access = void (*)(const PageRef&, std::byte*, uint64_t*);
  const Access accesses[] = {
      [](const PageRef& ref, std::byte*, uint64_t*) { (void)ref.load_word(); },
      [](const PageRef& ref, std::byte*, uint64_t*) { ref.store_word(1); },
      [](const PageRef& ref, std::byte*, uint64_t* word) { (void)ref.cas_word(*word, 1); },
      [](const PageRef& ref, std::byte*, uint64_t*) { (void)ref.load<uint32_t>(); },
      [](const PageRef& ref, std::byte*, uint64_t*) { ref.store<uint16_t>(1); },
      [](const PageRef& ref, std::byte* to, uint64_t*) { ref.copy_out({to, 16}); },
      [](const PageRef& ref, std::byte* from, uint64_t*) { ref.copy_in({from, 16}); },
      [](const PageRef& ref, std::byte* with, uint64_t*) { (void)ref.equals({with, 16}); },
  };
  for (const Access access : accesses) {
    const auto stale = [&](engine::Frames& frames) {
      Frame* const frame = *frames.acquire(3, kFrameSize);
      const PageRef ref = PageRef::at(frame, 3, 80);
      frames.renew(frame, 4);
      access(ref, bytes, &expected);
    };
    REQUIRE(verdict_of(world, stale) == kStale);
    const auto beyond = [&](engine::Frames& frames) {
      Frame* const frame = *frames.acquire(3, kFrameSize);
      access(PageRef::at(frame, 3, kFrameSize - 1), bytes, &expected);
    };
    REQUIRE(verdict_of(world, beyond) == "frames: an access left its frame");
    const auto before = [&](engine::Frames& frames) {
      Frame* const frame = *frames.acquire(3, kFrameSize);
      access(PageRef::at(frame, 3, 0).plus(-16), bytes, &expected);
    };
    REQUIRE(verdict_of(world, before) == "frames: an access left its frame");
  }
}

TEST_CASE("a frame can only be asked for the page that it holds", "[frames]") {
  TestWorld world;
  const auto other_page = [](engine::Frames& frames) {
    Frame* const frame = *frames.acquire(3, kFrameSize);
    (void)PageRef::at(frame, 4, 0);
  };
  REQUIRE(verdict_of(world, other_page) == "lifetimes: a frame was used that holds another page");
  const auto no_page = [](engine::Frames& frames) {
    Frame* const frame = *frames.acquire(3, kFrameSize);
    frames.retire(frame);
    (void)PageRef::at(frame, 3, 0);
  };
  REQUIRE(verdict_of(world, no_page) == "lifetimes: a frame was used whose lifetime has ended");
  const auto no_frame = [](engine::Frames&) { (void)PageRef::at(nullptr, 3, 0); };
  REQUIRE(verdict_of(world, no_frame) == "lifetimes: a page was used that has no frame");
}

TEST_CASE("a lifetime ends once", "[frames]") {
  TestWorld world;
  const auto twice = [](engine::Frames& frames) {
    Frame* const frame = *frames.acquire(3, kFrameSize);
    frames.retire(frame);
    frames.retire(frame);
  };
  REQUIRE(verdict_of(world, twice) == "lifetimes: a frame was retired twice");
  REQUIRE(world.scheduler().failure()->generation == 1);
  const auto renewed = [](engine::Frames& frames) {
    Frame* const frame = *frames.acquire(3, kFrameSize);
    frames.retire(frame);
    frames.renew(frame, 4);
  };
  REQUIRE(verdict_of(world, renewed) == "lifetimes: a frame was renewed whose lifetime has ended");
  const auto none = [](engine::Frames& frames) { frames.retire(nullptr); };
  REQUIRE(verdict_of(world, none).rfind("lifetimes: ", 0) == 0);
}

TEST_CASE("guarded and unchecked, a stale pointer is a real access violation", "[frames]") {
  TestWorld world;
  world.laws.guarded = true;
  world.laws.checked = false;
  const auto stale = [](engine::Frames& frames) {
    Frame* const frame = *frames.acquire(3, kFrameSize);
    const PageRef ref = PageRef::at(frame, 3, 80);
    frames.renew(frame, 4);
    (void)ref.load_word();
  };
  REQUIRE(verdict_of(world, stale) ==
          "memory: access violation (SIGSEGV) in a page whose lifetime has ended");
  REQUIRE(world.scheduler().failure()->generation == 1);
  const auto beyond = [](engine::Frames& frames) {
    Frame* const frame = *frames.acquire(3, kFrameSize);
    (void)PageRef::at(frame, 3, kFrameSize).load_word();
  };
  REQUIRE(verdict_of(world, beyond) ==
          "memory: access violation (SIGSEGV) behind the end of a page");
  REQUIRE(world.scheduler().failure()->generation == 1);
}

TEST_CASE("guarded, a small frame ends at its guard too", "[frames]") {
  TestWorld world;
  world.laws.guarded = true;
  world.laws.checked = false;
  for (const size_t size : {64U, 512U, 8192U}) {
    const auto beyond = [&](engine::Frames& frames) {
      Frame* const frame = *frames.acquire(3, size);
      Frame* const next = *frames.acquire(4, size);
      PageRef::at(next, 4, 0).store_word(1);
      (void)PageRef::at(frame, 3, size - 8).load_word();
      (void)PageRef::at(frame, 3, size).load_word();
    };
    REQUIRE(verdict_of(world, beyond) ==
            "memory: access violation (SIGSEGV) behind the end of a page");
  }
}

TEST_CASE("unguarded and unchecked, recycled memory can be read: that is the bug", "[frames]") {
  TestWorld world;
  world.laws.checked = false;
  uint64_t read = 0;
  const auto stale = [&](engine::Frames& frames) {
    Frame* const frame = *frames.acquire(3, kFrameSize);
    const PageRef ref = PageRef::at(frame, 3, 80);
    frames.renew(frame, 4);
    PageRef::at(frame, 4, 80).store_word(4444);
    read = ref.load_word();
  };
  REQUIRE(verdict_of(world, stale) == "ok");
  REQUIRE(read == 4444);
}

TEST_CASE("the level of protection changes what is seen, never what happens", "[frames]") {
  TestWorld world;
  uint64_t digests[4];
  for (size_t level = 0; level < 4; ++level) {
    world.laws.guarded = level % 2 != 0;
    world.laws.checked = level / 2 != 0;
    const auto body = [&](engine::Frames& frames) {
      for (int64_t page = 0; page < 20; ++page) {
        Frame* const frame = *frames.acquire(page, 64U << (page % 8));
        const PageRef ref = PageRef::at(frame, page, 8);
        ref.store_word(static_cast<uint64_t>(page));
        std::byte bytes[40];
        ref.copy_out(bytes);
        ref.plus(8).copy_in(bytes);
        frames.renew(frame, page + 100);
        frames.retire(frame);
      }
    };
    REQUIRE(verdict_of(world, body) == "ok");
    digests[level] = world.world.digest();
  }
  for (const uint64_t digest : digests) REQUIRE(digest == digests[0]);
}

TEST_CASE("a cache of ten GiB costs what is touched of it", "[frames]") {
  TestWorld world;
  for (int guarded = 0; guarded < 2; ++guarded) {
    world.laws.guarded = guarded != 0;
    const uint64_t before = resident_kib();
    const auto body = [&](engine::Frames& frames) {
      constexpr size_t kHuge = size_t{32} << 20;
      for (int64_t page = 0; page < 320; ++page) {
        Frame* const frame = *frames.acquire(page, kHuge);
        PageRef::at(frame, page, kHuge / 2).store_word(1);
      }
    };
    REQUIRE(verdict_of(world, body) == "ok");
    REQUIRE(world.world.frames().live_count() == 320);
    REQUIRE(resident_kib() - before < 16 * 1024);
  }
}

TEST_CASE("a frame's size is a power of two from 64", "[frames]") {
  TestWorld world;
  const auto odd = [](engine::Frames& frames) { (void)frames.acquire(0, 100); };
  REQUIRE(verdict_of(world, odd).rfind("check: ", 0) == 0);
}

TEST_CASE("a guarded run of more lifetimes than the system has mappings goes on without guards",
          "[frames]") {
  TestWorld world;
  engine::Frames& frames = world.runtime().frames;
  const auto body = [&] {
    for (int64_t page = 0; page < 70'000; ++page) {
      engine::Frame* const frame = *frames.acquire(page, 512);
      frame->base[0] = std::byte{1};
      frames.retire(frame);
    }
  };
  world.play_calmly(body);
  REQUIRE(world.verdict() == "ok");
  const uint64_t wanted = world.world.digest();
  world.laws.guarded = true;
  world.play_calmly(body);
  REQUIRE(world.verdict() == "ok");
  REQUIRE(world.world.digest() == wanted);
}

TEST_CASE("guarded frames that outlast the address space go on without guards", "[frames]") {
  constexpr size_t kGiant = size_t{1} << 30;
  TestWorld world;
  engine::Frames& frames = world.runtime().frames;
  uint64_t not_zero = 0;
  const auto body = [&] {
    engine::Frame* renewed = *frames.acquire(0, kGiant);
    for (int64_t page = 1; page < 400; ++page) {
      engine::Frame* const frame = *frames.acquire(page, kGiant);
      frames.renew(renewed, 1000 + page);
      for (const engine::Frame* one : {frame, renewed}) {
        not_zero += static_cast<uint64_t>(one->base[kGiant / 2]);
        one->base[kGiant / 2] = std::byte{1};
      }
      frames.retire(frame);
    }
    frames.retire(renewed);
  };
  uint64_t digests[2] = {};
  for (const bool guarded : {true, false}) {
    world.laws.guarded = guarded;
    world.play_calmly(body);
    REQUIRE(world.verdict() == "ok");
    digests[guarded ? 1 : 0] = world.world.digest();
  }
  REQUIRE(digests[0] == digests[1]);
  REQUIRE(not_zero == 0);
  // The next guarded run has its guards again.
  world.laws.guarded = true;
  world.play_calmly([&] {
    engine::Frame* const frame = *frames.acquire(1, 4096);
    frame->base[4096] = std::byte{1};
  });
  REQUIRE(world.verdict() == "memory: access violation (SIGSEGV) behind the end of a page");
}

#if ORRERY_ASAN
TEST_CASE("a stale pointer that no accessor sees meets poison, also without guards", "[frames]") {
  // The end is the sanitizer's, so it is another process's.
  const auto ends_well = [](bool stale) {
    const pid_t process = fork();
    if (process == 0) {
      if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(2);
      TestWorld world;
      const std::string verdict = verdict_of(world, [&](engine::Frames& frames) {
        Frame* const frame = *frames.acquire(1, kFrameSize);
        std::byte* const bytes = frame->base;
        frames.retire(frame);
        if (stale) {
          bytes[8] = std::byte{1};
        } else {
          (*frames.acquire(2, kFrameSize))->base[8] = std::byte{1};
        }
      });
      _exit(verdict == "ok" ? 0 : 3);
    }
    int status = 0;
    REQUIRE(waitpid(process, &status, 0) == process);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  };
  REQUIRE(ends_well(false));
  REQUIRE_FALSE(ends_well(true));
}
#endif
