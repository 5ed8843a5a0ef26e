// SPDX-License-Identifier: Apache-2.0
// What a task has seen may be of a checkpoint that has gone on since: it does no harm to the one of
// now. Each of these comes about at one certain point of an operation.
#include "tests/engine/store/interrupter.hpp"

#include <algorithm>

#include "tests/engine/store/lives.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

namespace {

constexpr CheckpointRequest kIndexAlone{LogCheckpoint::none, true};

/// How often what a label tells of has come about in this process.
uint64_t hits_of(std::string_view label) {
  const auto all = all_sometimes();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Sometimes* one) { return one->label == label; });
  return found == all.end() ? 0 : (*found)->hits->load();
}

}  // namespace

TEST_CASE(
    "a step that was meant for an index checkpoint leaves the next one of its version alone") {
  Lives lives(small_options(false));
  lives.open();
  lives.fill(0, 50, "a");
  const auto first = lives.store->start_checkpoint(kIndexAlone);
  REQUIRE(first);
  SessionOptions another;
  another.id = 2;
  auto other = lives.store->start_session(another);
  REQUIRE(other);
  lives.session->refresh();
  REQUIRE_FALSE(lives.store->checkpoint_ended(*first));
  Result<CheckpointTicket> second = Error{Errc::not_found, "it has not begun"};
  bool first_ended = false;
  const char* const label = "a step was meant for an index checkpoint that had ended";
  const uint64_t hits = hits_of(label);
  {
    lives.plain.meanwhile = [&] {
      first_ended = lives.store->wait_checkpoint(*first).has_value();
      second = lives.store->start_checkpoint(kIndexAlone);
      (*other)->refresh();
    };
    // It has seen that the index is written, and is about to say so.
    Interrupter interrupter("CheckpointDriver::step(", 1, [&] { lives.plain.do_meanwhile(); });
    lives.session->refresh();
    REQUIRE(interrupter.has_interrupted());
  }
  CHECK(first_ended);
  REQUIRE(second);
  CHECK(hits_of(label) == hits + 1);
  CHECK(second->version == first->version);
  CHECK_FALSE(lives.store->checkpoint_ended(*second));
  REQUIRE(lives.store->wait_checkpoint(*second));
  lives.fill(40, 60, "b");
  lives.checkpoint();
  (*other)->close();
  lives.die();
  lives.recover();
  CHECK(lives.store->recovered().index_token == second->token);
  lives.check(lives.captured, 60);
  lives.die();
}
