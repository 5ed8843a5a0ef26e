// SPDX-License-Identifier: Apache-2.0
// The walk after a snapshot page touches the records of its window, all of them, and nothing else.
#include "tests/scenarios/oracles/hand_made_run.hpp"

#include <vector>

#include "engine/store/boundaries.hpp"
#include "engine/store/checkpoint.hpp"
#include "engine/store/events.hpp"
#include "engine/store/record.hpp"
#include "tests/catch.hpp"

using namespace orrery::scenarios;
using orrery::engine::Boundary;
using orrery::engine::RecordHeader;
namespace engine = orrery::engine;
namespace events = orrery::engine::events;

namespace {

constexpr int64_t kToken = 3;
constexpr const char* kFile = "store/cpr-checkpoints/0000000000000003/snapshot.dat";

struct Step {
  int64_t address;
  int64_t size;
  bool cleared = false;
};

// A snapshot of pages 1 and 2, of which page 1 was written for [512, 1024) while safe_ro was 576;
// records of the next version begin at 768.
struct Walked : HandMadeRun {
  int64_t start = 576;
  int64_t width = 448;
  int64_t from = 512;  // as the walker has it
  int64_t until = 1024;
  int64_t safe_ro = 576;
  int64_t boundary = 576;  // safe_ro as it is
  std::vector<Step> steps{{576, 64}, {640, 384}};

  std::string judge() {
    trace.events.clear();
    event(events::kLogOpened, 64, 4);
    event(events::kTailSeen, 1536);
    event(events::kCheckpointPhase, static_cast<int64_t>(engine::Phase::prepare), 1, 768);
    event(events::kSnapshotStarted, 512, 1536, 1);
    event(events::kSnapshotPageSubmitted, 1, 512, 1024);
    moves(Boundary::ro, boundary);
    moves(Boundary::safe_ro, boundary);
    event(events::kWalkBegin, 1, start, width);
    event(events::kWalkRange, from, until, safe_ro);
    int64_t end = start;
    for (const Step& step : steps) {
      event(events::kWalkStep, step.address, step.size, step.cleared ? 1 : 0);
      end = step.address + step.size;
    }
    event(events::kWalkEnd, 1, end);
    event(events::kCheckpointDone, 1, 0, kToken);
    return label(judge_walks);
  }

  // The file, with these headers at their addresses.
  void contains(std::initializer_list<std::pair<int64_t, uint64_t>> headers) {
    std::vector<std::byte> bytes(1024);
    for (const auto& [address, header] : headers)
      engine::put(bytes.data() + (address - 512), header);
    in_world([&](engine::Runtime runtime) { write_file(runtime, kFile, bytes); });
  }
};

}  // namespace

TEST_CASE("a walk over its window is fine, and so is none where there is no window") {
  REQUIRE(Walked().judge() == "nothing");
  Walked none;  // the log has moved on: all of the page is below safe_ro
  none.boundary = none.safe_ro = none.start = 1536;
  none.width = 0;
  none.steps = {};
  REQUIRE(none.judge() == "nothing");
}

TEST_CASE("a walk that leaves its window is found before its first step") {
  Walked walked;
  walked.start = 2048;
  walked.width = 512;
  walked.steps = {};
  REQUIRE(walked.judge() == "the walk after a snapshot page was written leaves that page's window");
  Walked below;
  below.start = 512;  // below safe_ro
  below.steps = {{512, 64}, {576, 448}};
  REQUIRE(below.judge() == "the walk after a snapshot page was written leaves that page's window");
}

TEST_CASE("a step is a record's size") {
  for (const int64_t size : {0, -8, 12, 1024}) {
    Walked walked;
    walked.steps[1].size = size;
    REQUIRE(walked.judge() == "a walk takes a step that is no record's size");
  }
}

TEST_CASE("a walk passes over nothing, and leaves nothing out") {
  Walked passed;
  passed.steps = {{576, 64}, {648, 376}};
  REQUIRE(passed.judge() == "a walk passes over a record");
  Walked outside;
  outside.steps = {{576, 64}, {640, 392}};
  REQUIRE(outside.judge() == "a walk touches a record outside its window");
  Walked early;
  early.steps = {{576, 64}};
  REQUIRE(early.judge() == "a walk leaves out a part of its window");
  Walked late;
  late.start = 640;
  late.width = 384;
  late.steps = {{640, 384}};
  REQUIRE(late.judge() == "a walk leaves out a part of its window");
}

TEST_CASE("the walker's own word for the range and for safe_ro is not taken") {
  const char* const kOther = "a walk goes by other addresses than there are";
  Walked ro;
  ro.safe_ro = ro.start = 640;  // as if it had read ro
  ro.width = 384;
  ro.steps = {{640, 384}};
  REQUIRE(ro.judge() == kOther);
  Walked from;
  from.from = 520;
  REQUIRE(from.judge() == kOther);
  Walked until;
  until.until = 1016;
  REQUIRE(until.judge() == kOther);
}

TEST_CASE("Dirty is cleared for what the file contains, and for nothing else") {
  const char* const kNotThere =
      "a walk clears Dirty of a record that its snapshot does not contain";
  Walked walked;
  walked.steps = {{576, 64, true}, {640, 128}, {768, 256, true}};
  walked.contains({{576, RecordHeader::kValid}, {768, RecordHeader::kValid}});
  REQUIRE(walked.judge() == "nothing");
  // A mark of the next version counts from where that begins; below, it is of a cycle long ago.
  walked.contains(
      {{576, RecordHeader::kValid | RecordHeader::kInNewVersion}, {768, RecordHeader::kValid}});
  REQUIRE(walked.judge() == "nothing");
  walked.contains(
      {{576, RecordHeader::kValid}, {768, RecordHeader::kValid | RecordHeader::kInNewVersion}});
  REQUIRE(walked.judge() == kNotThere);
  walked.contains({{576, RecordHeader::kSealed}, {768, RecordHeader::kValid}});
  REQUIRE(walked.judge() == kNotThere);
  walked.steps = {{576, 64}, {640, 128}, {768, 256, true}};
  REQUIRE(walked.judge() == "nothing");
}
