// SPDX-License-Identifier: Apache-2.0
// Whoever waits for a request to a log makes it again, as often as its policy says.
#include "engine/store/blocking_io.hpp"

#include "tests/engine/store/append_lives.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

TEST_CASE("a read of a log is tried as often as its policy says, a sync once", "[append-log]") {
  for (const bool fast : {false, true}) {
    AppendLogOptions options = small_log(fast);
    options.ring.main_io = {4, 100};
    AppendLives lives(options);
    lives.fill(0, 60);
    PlainDevice& file = lives.plain.device("aof/log");
    lives.commit();
    file.failing_reads = 3;
    CHECK(lives.read() == numbers(0, 60));
    CHECK(lives.plain.now().ns == 300'000);
    lives.die();
    file.failing_reads = 3;
    lives.recover();
    CHECK(lives.read() == numbers(0, 60));
    lives.put(60);
    file.failing_syncs = 1;
    CHECK(lives.log->commit(0).error().code == Errc::io);
    lives.commit();
    lives.close();
  }
}
