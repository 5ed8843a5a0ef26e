// SPDX-License-Identifier: Apache-2.0
// What a recovery leaves in memory is what the log has there, and nothing else that the files hold.
#include <algorithm>
#include <span>

#include "tests/engine/store/lives.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

TEST_CASE("behind the tail of a recovered log is nothing, whatever the files have there") {
  for (const LogCheckpoint kind : {LogCheckpoint::snapshot, LogCheckpoint::fold_over}) {
    Lives lives(small_options(false));
    lives.open();
    lives.fill(0, 101, "a");
    const uint64_t token = lives.checkpoint({kind, false});
    lives.fill(200, 203, "b");
    lives.die();
    lives.recover();
    const LogAddr tail = lives.store->log().tail();
    lives.die();
    const Geometry geometry = HybridLog::geometry_of(lives.options);
    REQUIRE(tail % geometry.sector != 0);
    const bool in_main = kind == LogCheckpoint::fold_over;
    const std::string name = in_main ? "db/hlog" : file_of(token, &DeviceName::snapshot);
    std::vector<std::byte>& bytes = lives.plain.device(name).bytes;
    const auto left = static_cast<size_t>(geometry.sector - tail % geometry.sector);
    const size_t behind = in_main ? geometry.file_offset(tail) : bytes.size() - left;
    const auto file = std::span(bytes).subspan(behind);
    std::fill(file.begin(), file.end(), std::byte{0x5a});
    lives.recover();
    int seen = 0;
    for (const auto& frame : lives.plain.frames) {
      if (!frame->live || frame->page != geometry.page(tail)) continue;
      ++seen;
      CHECK(std::all_of(frame->base + geometry.offset(tail), frame->base + frame->size,
                        [](std::byte one) { return one == std::byte{0}; }));
    }
    CHECK(seen == 1);
    lives.check(lives.captured, 203);
    lives.die();
  }
}

TEST_CASE("a recovery that any one frame is refused ends, and the next one is whole") {
  for (const LogCheckpoint kind : {LogCheckpoint::snapshot, LogCheckpoint::fold_over}) {
    Lives lives(small_options(false));
    lives.open();
    lives.fill(0, 101, "a");
    lives.checkpoint({kind, false});
    lives.die();
    const auto ring = HybridLog::geometry_of(lives.options).slots;
    int refused = 0;
    for (int granted = 0; granted < ring; ++granted) {
      lives.plain.granted_frames = granted;
      lives.plain.failing_frames = 1;
      const auto recovered = lives.try_recover();
      if (recovered) {
        lives.check(lives.captured, 101);
        lives.die();
      } else {
        ++refused;
        CHECK(recovered.error().code == Errc::no_memory);
        CHECK(lives.plain.live_frames == 0);
      }
    }
    CHECK(refused >= 3);
    lives.plain.failing_frames = 0;
    lives.recover();
    lives.check(lives.captured, 101);
    lives.die();
  }
}
