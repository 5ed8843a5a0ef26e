// SPDX-License-Identifier: Apache-2.0
// Where a result goes that was sent to a file. $ORRERY names the binary.
#include "tests/catch.hpp"
#include "tests/cli/place.hpp"

namespace orrery::cli {
namespace {

/// Of a million runs of which `rows` could be written before there was no room: the command that
/// goes on plays the next ones, and together they are what `words` plays at once.
void goes_on(const Place& place, const Ended& ended, std::vector<Json> rows,
             const std::string& words) {
  std::string rest = behind(ended.err, "go on:  " + place.binary() + " ");
  const std::string left = "-n " + std::to_string(1'000'000 - rows.size());
  REQUIRE_THAT(rest, ContainsSubstring(" --from " + std::to_string(rows.size()) + " " + left));
  rest.replace(rest.find(left), left.size(), "-n 9");
  for (Json& row : rows_of(place.run(rest + " -q").out)) rows.push_back(std::move(row));
  const std::string all = std::to_string(rows.size());
  CHECK(rows == rows_of(place.run(words + " -q -n " + all).out));
}

}  // namespace

TEST_CASE("a result follows links, and replaces nothing but a regular file") {
  const Place place;
  const Ended ended = place.shell(R"(
      set -e
      run="$ORRERY run many-sessions -n 3 -s 1 -q --junit"
      mkdir there
      ln -s there/old.xml to-old; echo old > there/old.xml
      ln -s to-new there/hop; ln -s new.xml there/to-new; ln -s there/hop to-new
      for link in to-old to-new; do $run $link; [[ -L $link ]]; done
      mkfifo pipe; ln -s pipe to-pipe
      for pipe in pipe to-pipe; do
        cat $pipe > through-$pipe & $run $pipe; wait $!; [[ -p pipe && -s through-$pipe ]]
      done
      ln -s /dev/null nothing; $run nothing; [[ -L nothing && -c nothing ]]
      $run /dev/stdout > standard
      $ORRERY replay canary 5 --save /dev/stdout > standard-tape
      $ORRERY replay many-sessions 1 -q --save to-tape.orry > /dev/null
      ln -s to-tape.orry tape
      $ORRERY replay many-sessions 2 -q --save tape > /dev/null
      [[ -L tape ]]
  )");
  CHECK(ended.err.empty());
  CHECK(ended.code == 0);
  for (const char* name : {"there/old.xml", "there/new.xml", "through-pipe", "through-to-pipe"}) {
    INFO(name);
    CHECK(place.read(name).starts_with("<?xml"));
    CHECK_THAT(place.read(name), ContainsSubstring("</testsuites>"));
  }
  CHECK_THAT(place.read("standard"), ContainsSubstring("</testsuites>"));
  // Behind what was said before, whole.
  CHECK_THAT(place.read("standard-tape"), ContainsSubstring("orrery-tape 2\nscenario canary\n"));
  CHECK_THAT(place.read("standard-tape"), ContainsSubstring("ok"));
  CHECK_THAT(place.read("to-tape.orry"), ContainsSubstring("seed 0x0000000000000002"));
}

TEST_CASE("a device that takes no result is a harness failure, and stays a device") {
  const Place place;
  // Through a link: where this promise is broken, the machine keeps its device.
  const Ended ended = place.shell(R"(
      ln -s /dev/full full
      $ORRERY run many-sessions -n 3 -s 1 -q --junit full; code=$?
      [[ -L full && -c full ]] || exit 99
      exit $code)");
  CHECK(ended.code == 5);
  CHECK_THAT(ended.err, ContainsSubstring("cannot write /dev/full: No space left on device"));
}

TEST_CASE("a disk that fills ends a campaign at once, with whole rows and the way on") {
  const Place place;
  // A file that may grow to 16 KiB: like a disk that is full in the middle of a row.
  const Ended ended = place.shell(R"(
      echo before > rows
      (ulimit -f 16; exec timeout -k 60 60 \
        $ORRERY run many-sessions -n 1000000 -s 3 -j 2 --json -q >> rows))");
  CHECK(ended.code == 5);
  const std::string text = place.read("rows");
  REQUIRE(text.starts_with("before\n"));
  REQUIRE(text.ends_with("}\n"));
  const std::vector<Json> rows = rows_of(text.substr(text.find('\n') + 1));
  REQUIRE(rows.size() > 10);
  CHECK_THAT(ended.err, ContainsSubstring("the results cannot be written: File too large"));
  const std::string first = std::to_string(rows.size());
  CHECK_THAT(ended.err, ContainsSubstring("run " + first + " is the first that is missing"));
  CHECK_THAT(ended.err, ContainsSubstring("orrery: many-sessions  "));
  CHECK_THAT(ended.err, !ContainsSubstring("orrery: many-sessions  1,000,000 runs"));
  goes_on(place, ended, rows, "run many-sessions -s 3 --json");
}

TEST_CASE("a disk that fills in the midst of rows and tapes leaves none of them half") {
  const Place place;
  const std::string words =
      " run snapshot-full-cache --bug garnet-2063.b -s 11 --keep-going --json";
  // Files that may grow to 8 KiB: two dozen rows, and less than some of the tapes.
  const Ended ended = place.shell("(ulimit -f 8; exec timeout -k 60 60 $ORRERY" + words +
                                  " -n 1000000 -j 1 -q --junit j.xml > rows)");
  CHECK(ended.code == 5);
  INFO(ended.err);
  const std::string text = place.read("rows");
  REQUIRE(text.ends_with("}\n"));
  REQUIRE(text.size() <= 8192);
  const std::vector<Json> rows = rows_of(text);
  REQUIRE(rows.size() > 10);
  const std::string first = std::to_string(rows.size());
  CHECK_THAT(ended.err, ContainsSubstring("the results cannot be written: File too large; run " +
                                          first + " is the first that is missing"));
  CHECK_THAT(ended.err, ContainsSubstring("could be saved"));
  size_t tapes = 0;
  for (const auto& entry : fs::directory_iterator(place.path() + "/desk/orrery-out")) {
    INFO(entry.path());
    CHECK(entry.path().extension() == ".orry");
    CHECK(place.run("replay " + entry.path().string() + " -q").code == 1);
    ++tapes;
  }
  CHECK(tapes >= 1);
  CHECK(place.files() == tapes + 2);  // with the rows and the JUnit, which was short enough
  require_schema(place, "j.xml");
  CHECK_THAT(place.read("j.xml"), ContainsSubstring("\"stopped.early\" value=\"output\""));
  CHECK_THAT(place.read("j.xml"), ContainsSubstring("stopped early (output) after "));
  goes_on(place, ended, rows, words);
}

TEST_CASE("a report that does not fit the disk is not there at all") {
  const Place place;
  const Ended ended = place.shell(R"(
      (ulimit -f 2; exec $ORRERY run canary -n 3 -s 1 -q --keep-going --junit j.xml > told))");
  CHECK(ended.code == 5);
  CHECK_THAT(ended.err, ContainsSubstring("cannot write j.xml.tmp: File too large"));
  CHECK_THAT(place.read("told"), ContainsSubstring("canary  3 runs"));
  CHECK(place.files() == 1);
}

TEST_CASE("where no row can be written, all is played again, and what was found is told") {
  const Place place;
  const Ended none = place.shell("$ORRERY run many-sessions -n 300 -s 3 --json -q > /dev/full");
  CHECK(none.code == 5);
  CHECK_THAT(none.err, ContainsSubstring("cannot be written: No space left on device"));
  CHECK_THAT(none.err, ContainsSubstring(" --from 0 -n 300"));
  // The rows are there, and the line that sums up is not: there is nothing to go on with.
  const Ended totals = place.shell(R"(
      $ORRERY run many-sessions -n 1 -s 3 --json -q | head -n 1 > row
      truncate -s $((1024 - $(stat -c %s row))) rows
      (ulimit -f 1; exec $ORRERY run many-sessions -n 1 -s 3 --json -q >> rows)
      code=$?
      cmp <(tail -c +$((1025 - $(stat -c %s row))) rows) row || exit 99
      exit $code)");
  CHECK(totals.code == 5);
  CHECK_THAT(totals.err, ContainsSubstring("cannot be written: File too large\n"));
  CHECK_THAT(totals.err, !ContainsSubstring("go on"));
}

TEST_CASE("a descriptor that is open for reading alone is refused beforehand") {
  const Place place;
  const Ended ended = place.shell("echo > file; $ORRERY replay canary 5 --save /dev/fd/3 3< file");
  CHECK(ended.code == 2);
  CHECK_THAT(ended.err, ContainsSubstring("\"/dev/fd/3\" is open for reading alone"));
}

TEST_CASE("a pipe that nobody reads any more is a harness failure, and all else is told") {
  const Place place;
  const Ended ended = place.shell(R"(
      mkfifo pipe
      (exec 3< pipe) &  # opened, and closed again
      exec 4> pipe; wait
      $ORRERY run canary -n 3 -s 1 -q --junit /dev/fd/4)");
  CHECK(ended.code == 5);
  CHECK_THAT(ended.out, ContainsSubstring("canary  3 runs"));
  CHECK_THAT(ended.err, ContainsSubstring("Broken pipe"));
}

}  // namespace orrery::cli
