// SPDX-License-Identifier: Apache-2.0
// What is read ahead comes in its order, is right, and fails alone.
#include "engine/store/read_ahead.hpp"

#include <algorithm>
#include <vector>

#include "tests/catch.hpp"
#include "tests/engine/store/plain_runtime.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

namespace {

constexpr size_t kPiece = 64;

/// A file whose piece `n` is full of the byte `n`.
struct World {
  explicit World(int pieces) {
    file = static_cast<PlainDevice*>(*plain.open("file", {.segment_size = 0, .sector_size = 8}));
    file->bytes.resize(kPiece * static_cast<size_t>(pieces));
    for (size_t at = 0; at < file->bytes.size(); ++at) file->bytes[at] = std::byte(at / kPiece);
    plain.queued = true;
  }
  ReadAhead::Piece piece(int number) {
    return {file, kPiece * static_cast<uint64_t>(number), kPiece};
  }
  static bool holds(const ReadAhead::Taken& taken, int number) {
    return std::all_of(taken.bytes.begin(), taken.bytes.end(),
                       [&](std::byte one) { return one == std::byte(number); });
  }

  PlainRuntime plain;
  PlainDevice* file = nullptr;
};

}  // namespace

TEST_CASE("pieces come in the order in which they were asked for", "[recovery]") {
  constexpr int kPieces = 50;
  World world(kPieces);
  ReadAhead reads(world.plain.runtime());
  REQUIRE(reads.begin(kPiece));
  int done = 0;
  const auto piece = [&](uint64_t number) -> Result<ReadAhead::Piece> {
    return world.piece(static_cast<int>(number));
  };
  const auto work = [&](uint64_t number, const ReadAhead::Taken& taken) -> Result<void> {
    CHECK(number == static_cast<uint64_t>(done));
    CHECK(taken.read);
    CHECK(taken.bytes.size() == kPiece);
    // What is worked on stays as it is while others come.
    world.plain.complete_all();
    CHECK(World::holds(taken, done++));
    return {};
  };
  CHECK(reads.each(kPieces, piece, work));
  CHECK(done == kPieces);
  CHECK(world.file->reads == kPieces);
}

TEST_CASE("pieces are on their way before their turn", "[recovery]") {
  World world(50);
  ReadAhead reads(world.plain.runtime());
  REQUIRE(reads.begin(kPiece));
  int asked = 0;
  for (; reads.has_room(); ++asked) reads.ask(world.piece(asked));
  CHECK(asked == 8);
  CHECK(world.plain.queue_size() == 8);
  (void)reads.take();
  CHECK(world.plain.queue_size() == 7);
  CHECK_FALSE(reads.has_room());  // the first is still worked on
  (void)reads.take();
  CHECK(reads.has_room());
}

TEST_CASE("large pieces are two, small ones at most eight", "[recovery]") {
  for (const auto& [longest, depth] :
       {std::pair<size_t, int>{size_t{1} << 25, 2}, {size_t{1} << 23, 4}, {size_t{1} << 12, 8}}) {
    PlainRuntime plain;
    ReadAhead reads(plain.runtime());
    REQUIRE(reads.begin(longest));
    int room = 0;
    for (; reads.has_room(); ++room) reads.ask(ReadAhead::Piece{});
    CHECK(room == depth);
  }
}

TEST_CASE("a piece that cannot be read says so, and the others are right", "[recovery]") {
  World world(6);
  world.file->failing_every = 3;  // 0 and 3
  ReadAhead reads(world.plain.runtime());
  REQUIRE(reads.begin(kPiece));
  for (int number = 0; number < 6; ++number) reads.ask(world.piece(number));
  for (int number = 0; number < 6; ++number) {
    const ReadAhead::Taken taken = reads.take();
    CHECK(static_cast<bool>(taken.read) == (number % 3 != 0));
    if (!taken.read) {
      CHECK(taken.read.error().code == Errc::io);
      CHECK(taken.read.error().where == static_cast<int64_t>(kPiece) * number);
    }
    CHECK(World::holds(taken, number));
  }
  world.file->failing_every = 0;
  world.file->short_reads = 1;
  reads.ask(world.piece(0));
  CHECK(reads.take().read.error().code == Errc::io);
}

TEST_CASE("each piece is seen once before its turn, and what is said of it is its outcome",
          "[recovery]") {
  struct Looks {
    std::vector<uint64_t> seen;
    std::vector<size_t> sizes;
  } looks;
  const auto look = [](void* context, uint64_t number, Bytes bytes) -> Result<void> {
    auto& into = *static_cast<Looks*>(context);
    into.seen.push_back(number);
    into.sizes.push_back(bytes.size());
    if (bytes[0] == std::byte{4}) return Error{Errc::corrupt, "four"};
    return {};
  };
  World world(6);
  world.file->failing_every = 6;  // 0
  ReadAhead reads(world.plain.runtime(), {look, &looks});
  REQUIRE(reads.begin(2 * kPiece));
  for (int number = 0; number < 5; ++number) reads.ask(world.piece(number));
  reads.ask(ReadAhead::Piece{});
  for (int number = 0; number < 5; ++number) {
    const ReadAhead::Taken taken = reads.take();
    if (number == 0) CHECK(taken.read.error().code == Errc::io);
    if (number == 4) CHECK(taken.read.error() == Error{Errc::corrupt, "four"});
    CHECK(static_cast<bool>(taken.read) == (number > 0 && number < 4));
    CHECK(looks.seen.size() >= static_cast<size_t>(number));
  }
  CHECK(reads.take().read);
  // Nobody sees what was not read.
  CHECK(looks.seen == std::vector<uint64_t>{1, 2, 3, 4});
  CHECK(looks.sizes == std::vector<size_t>(4, kPiece));
}

TEST_CASE("a piece is read to the place that it names, and others into room of their own",
          "[recovery]") {
  World world(4);
  Frames& frames = world.plain;
  const auto frame = frames.acquire(7, 2 * kPiece);
  REQUIRE(frame);
  ReadAhead reads(world.plain.runtime());
  REQUIRE(reads.begin(kPiece));
  ReadAhead::Piece second = world.piece(2);
  second.into = {(*frame)->base, (*frame)->size};
  second.frame = *frame;
  reads.ask(world.piece(1));
  reads.ask(second);
  reads.ask(ReadAhead::Piece{nullptr, 0, 0, second.into, *frame});
  reads.ask(world.piece(3));
  CHECK(World::holds(reads.take(), 1));
  const ReadAhead::Taken taken = reads.take();
  CHECK(taken.frame == *frame);
  CHECK(taken.bytes.data() == (*frame)->base);
  CHECK(taken.bytes.size() == 2 * kPiece);
  CHECK(World::holds({{}, {}, taken.bytes.first(kPiece)}, 2));
  CHECK(World::holds({{}, {}, taken.bytes.subspan(kPiece)}, 0));
  CHECK(reads.take().bytes.data() == (*frame)->base);
  const ReadAhead::Taken last = reads.take();
  CHECK(last.frame == nullptr);
  CHECK(World::holds(last, 3));
  CHECK(World::holds({{}, {}, taken.bytes.first(kPiece)}, 2));
  frames.retire(*frame);
}

TEST_CASE("an error in a place waits for its turn, and ends the work", "[recovery]") {
  World world(4);
  ReadAhead reads(world.plain.runtime());
  REQUIRE(reads.begin(kPiece));
  int done = 0;
  const auto ended = reads.each(
      4,
      [&](uint64_t number) -> Result<ReadAhead::Piece> {
        if (number == 2) return Error{Errc::corrupt, "nowhere"};
        return world.piece(static_cast<int>(number));
      },
      [&](uint64_t, const ReadAhead::Taken& taken) -> Result<void> {
        TRY(taken.read);
        ++done;
        return {};
      });
  REQUIRE_FALSE(ended);
  CHECK(ended.error() == Error{Errc::corrupt, "nowhere"});
  CHECK(done == 2);
}

TEST_CASE("a piece of nothing has its turn, and reads nothing", "[recovery]") {
  World world(2);
  ReadAhead reads(world.plain.runtime());
  REQUIRE(reads.begin(kPiece));
  reads.ask(world.piece(0));
  reads.ask(ReadAhead::Piece{});
  reads.ask(world.piece(1));
  CHECK(World::holds(reads.take(), 0));
  CHECK(reads.take().read);
  CHECK(World::holds(reads.take(), 1));
  CHECK(world.file->reads == 2);
}

TEST_CASE("nobody leaves before what was asked for has come", "[recovery]") {
  World world(8);
  {
    ReadAhead reads(world.plain.runtime());
    REQUIRE(reads.begin(kPiece));
    for (int number = 0; number < 8; ++number) reads.ask(world.piece(number));
    (void)reads.take();
    CHECK(world.plain.queue_size() == 7);
  }
  CHECK(world.plain.queue_size() == 0);
  CHECK(world.plain.live_blocks == 0);
}

TEST_CASE("room that there is no memory for is an error and leaves nothing", "[recovery]") {
  for (int granted = 0; granted < 8; ++granted) {
    PlainRuntime plain;
    plain.failing_label = "read ahead";
    plain.failing_allocations = 1;
    ReadAhead reads(plain.runtime());
    CHECK(reads.begin(kPiece).error().code == Errc::no_memory);
    CHECK(plain.live_blocks == 0);
  }
}
