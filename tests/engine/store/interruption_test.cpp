// SPDX-License-Identifier: Apache-2.0
// What a task has seen may be of a checkpoint that has gone on since: it does no harm to the one of
// now. Each of these comes about at one certain point of an operation.
#include "tests/engine/store/interrupter.hpp"

#include <algorithm>
#include <optional>

#include "tests/engine/store/lives.hpp"
#include "tests/engine/store/logging_lives.hpp"

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

/// Makes a long value at its first call, and a short one at any other.
class Shortener final : public Modifier {
 public:
  size_t initial_size() override { return updated_size({}); }
  void initialise(MutableBytes now) override { std::fill(now.begin(), now.end(), kByte); }
  size_t updated_size(Bytes) override { return ++calls_ == 1 ? 100 : kShort; }
  void update(Bytes, MutableBytes now) override { initialise(now); }

  static constexpr size_t kShort = 40;
  static constexpr std::byte kByte{'x'};

 private:
  int calls_ = 0;
};

StoreOptions interrupted_options() {
  StoreOptions options = logging_options();
  options.version_barrier = true;  // whoever enters the next version there steps no further yet
  options.throttle_ms = -1;        // all pages of a snapshot are on their way at once
  return options;
}

/// A store whose log of operations has so many entries in it, and gets nothing written.
struct HeldLog : LoggingLives {
  explicit HeldLog(int entries) : LoggingLives(interrupted_options()) {
    plain.queued = true;
    plain.held = true;
    for (int i = 0; i < entries; ++i) set("k", value_of(i));
  }
  void let_go() {
    plain.held = false;
    plain.queued = false;
    plain.complete_all();
  }
};

/// So many that the next one waits until something is written.
int entries_that_fit() {
  HeldLog lives(0);
  lives.plain.meanwhile = [&] { lives.plain.held = false; };
  int entries = 0;
  for (; lives.plain.held && entries < 1000; ++entries) lives.set("k", value_of(entries));
  REQUIRE_FALSE(lives.plain.held);
  lives.let_go();
  lives.close();
  return entries - 1;
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

TEST_CASE("an allocation that a snapshot captures is not written again under its writer") {
  const char* const label = "a saved allocation was within what a checkpoint captures";
  const int entries = entries_that_fit();
  bool interrupted = true;
  for (int point = 1; interrupted; ++point) {
    INFO("the pages are written at point " << point);
    HeldLog lives(entries);
    const auto ticket = lives.store->start_checkpoint();
    REQUIRE(ticket);
    const uint64_t hits = hits_of(label);
    std::optional<Interrupter> interrupter;
    // It has allocated its record, and waits for the log. Then it makes the next step itself, so
    // its second attempt still has the view of before.
    lives.plain.meanwhile = [&] {
      lives.plain.held = false;
      interrupter.emplace("OperationRun::write_record", point, [&] { lives.plain.complete_all(); });
    };
    Shortener shortener;
    const OpResult result = lives.session->rmw(bytes_of("k"), shortener);
    REQUIRE(interrupter);
    interrupted = interrupter->has_interrupted();
    interrupter.reset();
    CHECK(result.status == Status::ok);
    CHECK(result.version == ticket->version + 1);
    CHECK(hits_of(label) == hits + 1);
    CHECK(interrupted == (lives.plain.queue_size() == 0));
    lives.let_go();
    REQUIRE(lives.store->wait_checkpoint(*ticket));
    CHECK(lives.read("k").size() == Shortener::kShort);
    lives.commit();
    lives.die();
    lives.recover();
    CHECK(lives.read("k").size() == Shortener::kShort);
    lives.close();
    REQUIRE((interrupted || point > 5));
  }
}
