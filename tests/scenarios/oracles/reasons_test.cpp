// SPDX-License-Identifier: Apache-2.0
// An error is believed if something has failed that can lead to it, and not otherwise.
#include "scenarios/ledger.hpp"
#include "tests/scenarios/oracles/hand_made_run.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using namespace orrery::scenarios;
using engine::Errc;
using sim::Kind;

namespace {

struct Failing : HandMadeRun {
  size_t world(Kind kind, int64_t a = 0, int64_t b = 0, int64_t c = 0) {
    return event(static_cast<uint16_t>(kind), a, b, c);
  }
  /// A request for 512 bytes ends: a read, unless something else is said.
  void request(Errc code, int64_t bytes, const char* device = "", uint64_t offset = 0,
               engine::IoKind kind = engine::IoKind::read) {
    trace.requests.push_back({});
    trace.requests.back().device = device;
    trace.requests.back().kind = static_cast<uint8_t>(kind);
    trace.requests.back().offset = offset;
    trace.requests.back().length = 512;
    world(Kind::io_completed, static_cast<int64_t>(trace.requests.size()) - 1,
          static_cast<int64_t>(code), bytes);
  }
  std::string then(ledger::Call call, Errc code) {
    event(ledger::kFailed, static_cast<int64_t>(call), static_cast<int64_t>(code));
    return label(judge_reasons);
  }
};

constexpr const char* kRecovery = "a recovery failed without a cause";
constexpr const char* kOperation = "an operation failed without a cause";

}  // namespace

TEST_CASE("an error of which nothing is the cause is found") {
  REQUIRE(Failing().label(judge_reasons) == "nothing");
  for (const Errc code : {Errc::io, Errc::no_space, Errc::no_memory, Errc::exists, Errc::cancelled,
                          Errc::uncertain, Errc::too_large}) {
    REQUIRE(Failing().then(ledger::Call::recover, code) == kRecovery);
    REQUIRE(Failing().then(ledger::Call::operation, code) == kOperation);
  }
  for (const Errc code : {Errc::not_found, Errc::corrupt, Errc::invalid}) {
    REQUIRE(Failing().then(ledger::Call::operation, code) == kOperation);
    // What is on the disk is for others.
    REQUIRE(Failing().then(ledger::Call::recover, code) == "nothing");
  }
  Failing made;
  made.history.begin(0, OpKind::read, 1, 0, 1);
  made.history.begin(0, OpKind::read, 2, 0, 1);
  made.event(ledger::kFailed, static_cast<int64_t>(ledger::Call::operation), 1, 1);
  REQUIRE(made.judged(judge_reasons).finding->operations == std::vector<size_t>{1});
}

TEST_CASE("what fails explains what it can lead to") {
  const auto after = [](Kind kind, Errc code) {
    Failing made;
    made.world(kind, 64);
    return made.then(ledger::Call::recover, code);
  };
  REQUIRE(after(Kind::name_failed, Errc::io) == "nothing");
  REQUIRE(after(Kind::allocation_failed, Errc::no_memory) == "nothing");
  REQUIRE(after(Kind::name_failed, Errc::no_memory) == kRecovery);
  REQUIRE(after(Kind::allocation_failed, Errc::io) == kRecovery);
  for (const Kind kind : {Kind::name_failed, Kind::allocation_failed}) {
    REQUIRE(after(kind, Errc::exists) == "nothing");
    REQUIRE(after(kind, Errc::uncertain) == "nothing");
    REQUIRE(after(kind, Errc::too_large) == kRecovery);
    REQUIRE(after(kind, Errc::no_space) == kRecovery);
  }
}

TEST_CASE("a request that fails is a cause, and one that is short; not one that ends well") {
  const auto after = [](Errc ended, int64_t bytes, Errc code) {
    Failing made;
    made.request(ended, bytes);
    return made.then(ledger::Call::operation, code);
  };
  REQUIRE(after(Errc::io, 0, Errc::io) == "nothing");
  REQUIRE(after(Errc::ok, 256, Errc::io) == "nothing");
  REQUIRE(after(Errc::ok, 512, Errc::io) == kOperation);
  REQUIRE(after(Errc::invalid, 0, Errc::io) == kOperation);
  REQUIRE(after(Errc::cancelled, 0, Errc::io) == kOperation);
  REQUIRE(after(Errc::cancelled, 0, Errc::cancelled) == "nothing");
  REQUIRE(after(Errc::io, 0, Errc::no_memory) == kOperation);
}

TEST_CASE("a recovery has read the main log as often as it must before it fails for that") {
  const auto after = [](int times, uint64_t step, const char* device, engine::IoKind kind) {
    Failing made;
    made.plan.sizes.set("io_attempts", 3);
    for (int i = 0; i < times; ++i) {
      made.request(i == 1 ? Errc::ok : Errc::io, 0, device, step * static_cast<uint64_t>(i), kind);
    }
    return made.then(ledger::Call::recover, Errc::io);
  };
  constexpr auto kRead = engine::IoKind::read;
  REQUIRE(after(2, 0, "store/hlog", kRead) == kRecovery);
  REQUIRE(after(3, 0, "store/hlog", kRead) == "nothing");
  REQUIRE(after(9, 512, "store/hlog", kRead) == kRecovery);
  REQUIRE(after(1, 0, "store/hlog", engine::IoKind::write) == "nothing");
  REQUIRE(after(1, 0, "store/log/data", kRead) == "nothing");
  Failing other;
  other.plan.sizes.set("io_attempts", 3);
  other.request(Errc::io, 0, "store/hlog");
  REQUIRE(other.then(ledger::Call::operation, Errc::io) == "nothing");
}

TEST_CASE("a life knows nothing of the requests that failed in the one before") {
  const auto in_next_life = [](Errc code) {
    Failing made;
    made.request(Errc::io, 0);
    made.world(Kind::allocation_failed, 64);
    made.world(Kind::crashed);
    return made.then(ledger::Call::recover, code);
  };
  REQUIRE(in_next_life(Errc::io) == kRecovery);
  REQUIRE(in_next_life(Errc::no_memory) == kRecovery);
  REQUIRE(in_next_life(Errc::exists) == "nothing");
  Failing later;
  later.event(ledger::kFailed, static_cast<int64_t>(ledger::Call::flush),
              static_cast<int64_t>(Errc::io));
  later.request(Errc::io, 0);
  REQUIRE(later.label(judge_reasons) == "a flush failed without a cause");
}

TEST_CASE("who opens a log where one may be is told so, if such people come at all") {
  const auto told = [](int64_t newcomers, std::optional<uint16_t> before, ledger::Call call,
                       Errc code) {
    Failing made;
    made.plan.sizes.set("newcomers_permille", newcomers);
    if (before) made.event(*before);
    return made.then(call, code);
  };
  const std::string found = "the opening of a log failed without a cause";
  const auto crashed = static_cast<uint16_t>(Kind::crashed);
  REQUIRE(told(300, ledger::kOpened, ledger::Call::open_log, Errc::exists) == "nothing");
  REQUIRE(told(300, crashed, ledger::Call::open_log, Errc::exists) == "nothing");
  REQUIRE(told(300, std::nullopt, ledger::Call::open_log, Errc::exists) == found);
  REQUIRE(told(0, ledger::kOpened, ledger::Call::open_log, Errc::exists) == found);
  REQUIRE(told(300, ledger::kOpened, ledger::Call::open_log, Errc::no_memory) == found);
  REQUIRE(told(300, ledger::kOpened, ledger::Call::open, Errc::exists) ==
          "an opening failed without a cause");
}

TEST_CASE("a checkpoint may be refused where it cannot be taken") {
  constexpr const char* kStart = "the start of a checkpoint failed without a cause";
  const auto refused = [](Errc code, bool cache, int64_t resets) {
    Failing made;
    made.scenario.cache = cache;
    made.plan.sizes.set("resets", resets);
    return made.then(ledger::Call::start_checkpoint, code);
  };
  REQUIRE(refused(Errc::exists, false, 1) == "nothing");
  REQUIRE(refused(Errc::exists, false, 0) == kStart);
  REQUIRE(refused(Errc::invalid, true, 0) == "nothing");
  REQUIRE(refused(Errc::invalid, false, 1) == kStart);
  REQUIRE(refused(Errc::io, true, 1) == kStart);
}
