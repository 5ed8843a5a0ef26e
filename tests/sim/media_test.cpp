// SPDX-License-Identifier: Apache-2.0
// The media: what reads see, what is durable, and what a loss of power leaves.
#include "sim/media.hpp"

#include <string>
#include <vector>

#include "tests/catch.hpp"

using namespace orrery;
using engine::bytes_of;
using sim::Landing;

namespace {

std::string text_at(const sim::Media& media, uint64_t offset, size_t length) {
  std::string text(length, '?');
  media.read(offset, {reinterpret_cast<std::byte*>(text.data()), length});
  for (char& c : text) {
    if (c == '\0') c = '.';
  }
  return text;
}

/// Three writes over a durable "aaaaaaaa", then a loss of power after which those in `kept`
/// survive.
std::string after_loss(unsigned kept) {
  sim::Media media;
  media.write(0, bytes_of("aaaaaaaa"));
  media.sync();
  media.write(0, bytes_of("1111"));
  media.write(2, bytes_of("2222"));
  media.write(6, bytes_of("3333"));
  unsigned index = 0;
  media.lose_power(
      [&](uint64_t) { return (kept >> index++ & 1U) != 0 ? Landing::whole : Landing::lost; }, 64);
  REQUIRE(media.pending_count() == 0);
  return text_at(media, 0, 12) + " " + std::to_string(media.size());
}

}  // namespace

TEST_CASE("what was never written reads as zeros", "[media]") {
  const sim::Media media;
  REQUIRE(text_at(media, 0, 4) == "....");
  REQUIRE(text_at(media, uint64_t{1} << 40, 4) == "....");
  REQUIRE(media.size() == 0);
}

TEST_CASE("a write is visible at once, across chunks too", "[media]") {
  sim::Media media;
  const std::string text(40'000, 'x');
  media.write(16'380, bytes_of(text));
  REQUIRE(text_at(media, 16'378, 4) == "..xx");
  REQUIRE(text_at(media, 16'380, text.size()) == text);
  REQUIRE(text_at(media, 16'380 + text.size() - 1, 3) == "x..");
  REQUIRE(media.size() == 16'380 + text.size());
}

TEST_CASE("a write is durable once a sync covers it, and not before", "[media]") {
  sim::Media media;
  REQUIRE(media.is_durable(0, 100));
  media.write(10, bytes_of("0123456789"));
  REQUIRE_FALSE(media.is_durable(0, 100));
  REQUIRE_FALSE(media.is_durable(19, 1));
  REQUIRE(media.is_durable(0, 10));
  REQUIRE(media.is_durable(20, 10));
  media.sync();
  REQUIRE(media.is_durable(0, 100));
  media.write(15, bytes_of("x"));
  REQUIRE(media.is_durable(10, 5));
  REQUIRE_FALSE(media.is_durable(15, 1));
}

TEST_CASE("an unsynced write may vanish at power loss, in any combination", "[media]") {
  REQUIRE(after_loss(0b000) == "aaaaaaaa.... 8");
  REQUIRE(after_loss(0b001) == "1111aaaa.... 8");
  REQUIRE(after_loss(0b010) == "aa2222aa.... 8");
  REQUIRE(after_loss(0b100) == "aaaaaa3333.. 10");
  REQUIRE(after_loss(0b101) == "1111aa3333.. 10");
  REQUIRE(after_loss(0b011) == "112222aa.... 8");
  REQUIRE(after_loss(0b111) == "1122223333.. 10");
}

TEST_CASE("what survived one loss of power survives the next", "[media]") {
  sim::Media media;
  media.write(0, bytes_of("old."));
  media.lose_power([](uint64_t) { return Landing::whole; }, 64);
  REQUIRE(media.is_durable(0, 4));
  media.write(0, bytes_of("new."));
  media.lose_power([](uint64_t) { return Landing::lost; }, 64);
  REQUIRE(text_at(media, 0, 4) == "old.");
}

TEST_CASE("each pending write is asked about at its offset, oldest first", "[media]") {
  sim::Media media;
  media.write(700, bytes_of("a"));
  media.write(20, bytes_of("b"));
  media.write(700, bytes_of("c"));
  std::vector<uint64_t> asked;
  const auto landing_of = [&](uint64_t offset) {
    asked.push_back(offset);
    return asked.size() != 3 ? Landing::whole : Landing::lost;
  };
  media.lose_power(landing_of, 64);
  REQUIRE(asked == std::vector<uint64_t>{700, 20, 700});
  REQUIRE(text_at(media, 700, 1) == "a");
}

TEST_CASE("a torn write leaves the other sectors as they were", "[media]") {
  const auto after = [](Landing landing) {
    sim::Media media;
    media.write(0, bytes_of("aabbccddee"));
    media.sync();
    media.begin_write(2, 6, 1);
    media.add(2, bytes_of("123"));  // in stretches that are no sectors
    media.add(5, bytes_of("456"));
    media.accept(1);
    media.lose_power([&](uint64_t) { return landing; }, 2);
    return text_at(media, 0, 10);
  };
  REQUIRE(after(Landing::whole) == "aa123456ee");
  REQUIRE(after(Landing::lost) == "aabbccddee");
  REQUIRE(after(Landing::first_half) == "aa12ccddee");
  REQUIRE(after(Landing::last_half) == "aabb3456ee");
  REQUIRE(after(Landing::every_other) == "aabb34ddee");
}

TEST_CASE("a cleared media is a new one", "[media]") {
  sim::Media media;
  media.write(0, bytes_of("old"));
  media.write(50'000, bytes_of("old"));
  media.clear();
  REQUIRE(media.size() == 0);
  REQUIRE(media.pending_count() == 0);
  media.write(1, bytes_of("n"));
  REQUIRE(text_at(media, 0, 3) == ".n.");
  media.write(49'999, bytes_of("n"));
  REQUIRE(text_at(media, 49'998, 5) == ".n...");
}

TEST_CASE("a sync that was asked for before a media was cleared covers nothing since", "[media]") {
  sim::Media media;
  media.write(0, bytes_of("old"));
  const uint64_t covered = media.accepted();
  media.clear();
  media.write(0, bytes_of("new"));
  media.sync(covered);
  REQUIRE(media.pending_count() == 1);
  media.sync();
  REQUIRE(media.pending_count() == 0);
}

TEST_CASE("zeros cost only where something was written, and then they are there", "[media]") {
  sim::Media media;
  media.write(100'000, bytes_of("there"));
  media.sync();
  media.begin_write(0, 1'000'000, 0);
  media.add_zeros(0, 1'000'000);
  REQUIRE(text_at(media, 100'000, 5) == ".....");
  REQUIRE(media.pending_count() == 1);
  media.lose_power([](uint64_t) { return Landing::lost; }, 64);
  REQUIRE(text_at(media, 100'000, 5) == "there");
}

TEST_CASE("a write in stretches is one pending write: it survives whole or not at all", "[media]") {
  for (const bool survives : {false, true}) {
    sim::Media media;
    media.write(0, bytes_of("aaaaaaaaaaaa"));
    media.sync();
    media.write(1, bytes_of("11"));
    media.begin_write(2, 12, 0);
    media.add(3, bytes_of("22"));
    media.add(8, bytes_of("33"));
    media.write(4, bytes_of("444"));
    REQUIRE(media.size() == 14);
    REQUIRE(text_at(media, 0, 12) == "a112444a33aa");
    std::vector<uint64_t> asked;
    const auto landing_of = [&](uint64_t offset) {
      asked.push_back(offset);
      return offset == 2 && survives ? Landing::whole : Landing::lost;
    };
    media.lose_power(landing_of, 64);
    REQUIRE(asked == std::vector<uint64_t>{1, 2, 4});
    REQUIRE(text_at(media, 0, 12) == (survives ? "aaa22aaa33aa" : "aaaaaaaaaaaa"));
    REQUIRE(media.size() == (survives ? 14 : 12));
  }
}

TEST_CASE("a sync covers what had been accepted when it was asked for, and nothing else",
          "[media]") {
  const auto image = [](bool first_survives, uint64_t accept_before, uint64_t accept_after) {
    sim::Media media;
    media.write(0, bytes_of("aaaaaaaa"));
    media.sync();
    media.begin_write(0, 4, 1);
    media.add(0, bytes_of("1111"));
    media.begin_write(2, 8, 2);
    media.add(2, bytes_of("22222222"));
    media.accept(accept_before);
    const uint64_t covered = media.accepted();
    media.accept(accept_after);
    media.sync(covered);
    REQUIRE(media.pending_count() == 1);
    REQUIRE(text_at(media, 0, 10) == "1122222222");
    media.lose_power([&](uint64_t) { return first_survives ? Landing::whole : Landing::lost; }, 64);
    return text_at(media, 0, 10) + " " + std::to_string(media.size());
  };
  // The first is durable: only the second may go.
  REQUIRE(image(false, 1, 2) == "1111aaaa.. 8");
  REQUIRE(image(true, 1, 2) == "1122222222 10");
  // The second is durable, and lies over the first whatever becomes of that.
  REQUIRE(image(false, 2, 1) == "aa22222222 10");
  REQUIRE(image(true, 2, 1) == "1122222222 10");
}

TEST_CASE("what no request waits for any more is the device's own", "[media]") {
  sim::Media media;
  media.begin_write(0, 4, 1);
  media.add(0, bytes_of("1111"));
  media.sync();
  REQUIRE_FALSE(media.is_durable(0, 4));
  media.accept_all();
  media.sync();
  REQUIRE(media.is_durable(0, 4));
}

TEST_CASE("who looks for what was written passes over what never was", "[media]") {
  sim::Media media;
  REQUIRE(media.next_written(0) == 0);
  media.begin_write(0, 10'000'000, 0);
  media.add(5'000'000, bytes_of("there"));
  REQUIRE(media.next_written(0) <= 5'000'000);
  REQUIRE(media.next_written(0) > 4'900'000);
  REQUIRE(media.next_written(5'000'003) == 5'000'003);
  REQUIRE(media.next_written(6'000'000) == 10'000'000);
}

TEST_CASE("a bit that flips is another one for every read, and nothing else is", "[media]") {
  sim::Media media;
  media.write(0, bytes_of("aaaaaaaa"));
  media.sync();
  media.decay({sim::Decay::Kind::flip, 8 * 3 + 1});
  REQUIRE(text_at(media, 0, 8) == "aaacaaaa");
  REQUIRE(media.size() == 8);
  media.decay({sim::Decay::Kind::flip, 8 * 3 + 1});
  REQUIRE(text_at(media, 0, 8) == "aaaaaaaa");
}

TEST_CASE("a file that is cut ends there, and what is written behind it stands on zeros",
          "[media]") {
  for (const uint64_t length : {uint64_t{8}, uint64_t{40'000}}) {
    sim::Media media;
    media.write(0, bytes_of(std::string(length, 'a')));
    media.sync();
    media.decay({sim::Decay::Kind::cut, 4});
    REQUIRE(media.size() == 4);
    REQUIRE(media.durable_size() == 4);
    REQUIRE(text_at(media, 0, 6) == "aaaa..");
    media.write(length - 1, bytes_of("b"));
    REQUIRE(media.size() == length);
    REQUIRE(text_at(media, length - 3, 3) == "..b");
    REQUIRE(text_at(media, length / 2, 2) == "..");
  }
}

TEST_CASE("what was given up is zeros, and no loss of power brings it back", "[media]") {
  for (const Landing fate : {Landing::whole, Landing::lost}) {
    sim::Media media;
    media.write(0, bytes_of("aaaaaaaa"));
    media.sync();
    media.write(2, bytes_of("1111"));  // pending, and half of it goes
    media.forget_below(4);
    REQUIRE(text_at(media, 0, 8) == "....11aa");
    media.write(1, bytes_of("2"));  // later
    REQUIRE(text_at(media, 0, 8) == ".2..11aa");
    media.lose_power([&](uint64_t) { return fate; }, 64);
    REQUIRE(text_at(media, 0, 8) == (fate == Landing::whole ? ".2..11aa" : "....aaaa"));
    REQUIRE(media.size() == 8);
    media.forget_below(uint64_t{1} << 60);  // what was never written costs nothing
    REQUIRE(text_at(media, 0, 8) == "........");
  }
}
