// SPDX-License-Identifier: Apache-2.0
// As many checkpoints are kept as the options say, in one life and in the next.
#include "tests/engine/store/lives.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

namespace {

bool is_kept(Lives& lives, uint64_t token) {
  return lives.plain.has(file_of(token, &DeviceName::metadata));
}

}  // namespace

TEST_CASE("only so many checkpoints are kept, and the newest is always one of them") {
  for (const uint32_t kept : {1U, 2U, 3U}) {
    StoreOptions options = small_options(false);
    options.checkpoints_kept = kept;
    Lives lives(options);
    lives.open();
    std::vector<uint64_t> tokens;
    for (int i = 0; i < 6; ++i) {
      lives.fill(i * 10, i * 10 + 40, std::string(1, static_cast<char>('a' + i)));
      const auto log = i % 2 == 0 ? LogCheckpoint::snapshot : LogCheckpoint::fold_over;
      tokens.push_back(lives.checkpoint({log, i % 3 == 0}));
      for (size_t t = 0; t < tokens.size(); ++t) {
        CHECK(is_kept(lives, tokens[t]) == (t + kept >= tokens.size()));
      }
    }
    lives.die();
    lives.recover();
    lives.check(lives.captured, 100);
    lives.die();
  }
}

TEST_CASE("a recovery begins to count with the checkpoint that it took") {
  StoreOptions options = small_options(false);
  options.checkpoints_kept = 2;
  Lives lives(options);
  lives.open();
  lives.fill(0, 40, "a");
  const uint64_t before = lives.checkpoint();
  lives.fill(0, 40, "b");
  const uint64_t taken = lives.checkpoint();
  const Model captured = lives.captured;
  lives.die();
  lives.recover();
  CHECK(is_kept(lives, before));
  lives.fill(0, 40, "c");
  const uint64_t first = lives.checkpoint();
  CHECK_FALSE(is_kept(lives, before));
  CHECK(is_kept(lives, taken));
  CHECK(is_kept(lives, first));
  lives.die();
  // The one that the life before was recovered from can be gone back to.
  RecoverOptions back;
  back.token = taken;
  lives.recover(back);
  lives.check(captured, 40);
  lives.fill(0, 40, "d");
  const uint64_t second = lives.checkpoint();
  lives.fill(0, 40, "e");
  const uint64_t third = lives.checkpoint();
  CHECK_FALSE(is_kept(lives, taken));
  CHECK(is_kept(lives, second));
  CHECK(is_kept(lives, third));
  lives.die();
}
