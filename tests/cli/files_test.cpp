// SPDX-License-Identifier: Apache-2.0
// Where a result goes that was sent to a file. $ORRERY names the binary.
#include "tests/catch.hpp"
#include "tests/cli/place.hpp"

namespace orrery::cli {

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
