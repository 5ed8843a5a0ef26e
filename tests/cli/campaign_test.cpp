// SPDX-License-Identifier: Apache-2.0
// orrery run as a job that people stop, kill, starve of disk and feed to other programs.
#include <poll.h>
#include <pty.h>

#include <algorithm>
#include <set>

#include "sim/fiber.hpp"
#include "tests/catch.hpp"
#include "tests/cli/place.hpp"

namespace orrery::cli {
namespace {

/// What a program writes to a terminal, which is its standard error.
std::string on_terminal(const Place& place, const std::string& words,
                        const std::string& kind = "xterm", unsigned short columns = 80) {
  int master = -1;
  const winsize size{24, columns, 0, 0};
  const pid_t process = forkpty(&master, nullptr, nullptr, &size);
  REQUIRE(process >= 0);
  if (process == 0) {
    const std::string command = "cd " + place.path() + "/desk && TERM=" + kind + " exec " +
                                place.binary() + " " + words + " > out";
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; (got = read(master, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<size_t>(got));
  }
  close(master);
  int status = 0;
  waitpid(process, &status, 0);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
  return text;
}

}  // namespace

TEST_CASE("an interrupted campaign says how to go on, and goes on where it stopped") {
  const Place place;
  const Ended stopped = place.shell(kChildren + R"(
      $ORRERY run many-sessions -n 1000000 -s 7 -j 2 --json -q & campaign=$!
      wait_until has_rows
      kill -INT $campaign
      wait $campaign)");
  REQUIRE(stopped.code == 75);
  std::vector<Json> rows = rows_of(stopped.out);
  REQUIRE(!rows.empty());
  std::string rest = behind(stopped.err, "go on:  " + place.binary() + " ");
  const std::string left = std::to_string(1'000'000 - rows.size());
  const std::string from = std::to_string(rows.size());
  CHECK_THAT(rest, ContainsSubstring("-s 0x0000000000000007 --from " + from + " -n " + left));
  rest.replace(rest.find("-n " + left), left.size() + 3, "-n 9");
  const Ended gone_on = place.run(rest + " -q");
  REQUIRE(gone_on.code == 0);
  for (Json& row : rows_of(gone_on.out)) rows.push_back(std::move(row));
  const std::string all = std::to_string(rows.size());
  const Ended whole = place.run("run many-sessions -n " + all + " -s 7 -j 1 --json -q");
  REQUIRE(whole.code == 0);
  CHECK(rows == rows_of(whole.out));
}

TEST_CASE("a worker that is killed loses no run, and is a harness failure") {
  const Place place;
  const Ended ended = place.shell(kChildren + R"(
      # More rows than two pipes of 1 MiB and one of 64 KiB hold: it waits for who reads them.
      mkfifo rows; exec 9<> rows
      $ORRERY run many-sessions -n 9000 -s 3 -j 2 --json -q --check-determinism off \
        --set operations=20 > rows 9>&- &
      campaign=$!
      find_child run
      exec 8< rows 9>&-
      for i in {1..10}; do read -r row <&8; printf '%s\n' "$row"; done
      kill -9 $child
      cat <&8
      wait $campaign)");
  CHECK(ended.code == 5);
  CHECK_THAT(ended.err, ContainsSubstring("HARNESS FAILURE"));
  const std::vector<Json> rows = rows_of(ended.out);
  REQUIRE(rows.size() == 9000);
  for (size_t i = 0; i < rows.size(); ++i) CHECK(rows[i]["index"] == i);
}

#if !ORRERY_ASAN  // which needs longer to begin than these take
TEST_CASE("an alarm that comes when the run is over kills nobody") {
  const Place place;
  // A run that is taken for one that stands still is no matter here.
  const Ended ended = place.shell(
      "for i in {1..120}; do $ORRERY replay canary 1 -q --hang-after 2ms > /dev/null\n"
      "[[ $? -ne 142 ]] || exit 9; done");
  CHECK(ended.code == 0);
}
#endif

TEST_CASE("a run whose worker is killed twice from outside is no finding") {
  const Place place;
  // A run of some seconds: two are cut short, and the third shows that nothing was wrong with it.
  const Ended ended = place.shell(kChildren + R"(
      $ORRERY run many-sessions -n 1 -s 3 -j 1 -q --no-faults --check-determinism off \
        --hang-after 30m --set operations=60000 \
        --set sessions=8 --set step_budget=1000000000 & campaign=$!
      find_child run
      wait_until is_at_work $child
      kill -9 $child
      first=$child
      while [[ $child == $first ]]; do find_child run; done
      wait_until is_at_work $child
      kill -9 $child
      wait $campaign)");
  CHECK(ended.code == 5);
  CHECK_THAT(ended.err, ContainsSubstring("died twice"));
  CHECK_THAT(ended.err, !ContainsSubstring("NONDETERMINISM"));
}

TEST_CASE("Ctrl-C twice leaves whole rows, all that were told, and says how to go on") {
  const Place place;
  const Ended ended = place.shell(kChildren + R"(
      $ORRERY run many-sessions -n 1000000 -s 7 -j 2 --json -q --check-determinism off &
      campaign=$!
      find_child run
      wait_until has_rows
      kill -STOP $child  # so that there is a second one to come
      wc -l < ../out > told
      sleep 0.2
      kill -INT $campaign
      wait_until has_said_the_way_on
      sleep 0.1
      kill -INT $campaign
      wait $campaign)");
  CHECK(ended.code == 130);
  REQUIRE(ended.out.ends_with('\n'));
  const std::vector<Json> rows = rows_of(ended.out);
  CHECK(rows.size() > 10);
  for (size_t i = 0; i < rows.size(); ++i) REQUIRE(rows[i]["index"] == i);
  // The first Ctrl-C said it: of rows that had been written by then, none is played again. Some may
  // have come behind: whoever was stopped between two runs held none back.
  const std::string way_on = behind(ended.err, "then go on with:  " + place.binary() + " ");
  const size_t from = std::stoul(behind(way_on, "--from "));
  CHECK(from >= std::stoul(place.read("told")));
  CHECK(from <= rows.size());
  CHECK_THAT(way_on, ContainsSubstring("run many-sessions -s 0x0000000000000007 --from"));
  CHECK_THAT(way_on, ContainsSubstring(" -n " + std::to_string(1'000'000 - from)));
}

TEST_CASE("Ctrl-C works where nobody reads what it says, or nobody reads on") {
  const Place place;
  const Ended full = place.shell(kChildren + R"(
      mkfifo full; exec 9<> full
      dd if=/dev/zero of=full bs=4096 oflag=nonblock 2> /dev/null  # until it takes no more
      $ORRERY run many-sessions -n 1000000 -s 7 -j 1 -q --json --check-determinism off \
        > rows 2> full & campaign=$!
      find_child run
      # One that comes while another waits to be heard of is no second one.
      while kill -INT $campaign 2> /dev/null; do sleep 0.1; done
      wait $campaign)");
  CHECK(full.code == 130);
  const Ended gone = place.shell(kChildren + R"(
      mkfifo gone; (exec 3< gone) & exec 4> gone; wait
      $ORRERY run many-sessions -n 1000000 -s 7 -j 1 -q --junit j.xml --check-determinism off \
        > told 2>&4 & campaign=$!
      find_child run
      kill -INT $campaign
      wait $campaign)");
  CHECK(gone.code != 130);
  CHECK_THAT(place.read("j.xml"), ContainsSubstring("</testsuites>"));
  CHECK_THAT(place.read("told"), ContainsSubstring("many-sessions  "));
}

TEST_CASE("what came to no conclusion is told with its reason and a seed") {
  const Place place;
  const Ended ended =
      place.run("run many-sessions -n 5 -s 1 -q --set operations=1000000 --junit none.xml");
  CHECK(ended.code == 4);
  CHECK_THAT(ended.out, ContainsSubstring("INCONCLUSIVE  not judged: "));
  CHECK_THAT(ended.out, ContainsSubstring("first in seed 0x"));
  CHECK_THAT(ended.out, ContainsSubstring("(run 0 of the campaign; 5 runs of 5)"));
  const std::string replay = behind(ended.out, "replay:  " + place.binary() + " ");
  CHECK(place.run(replay + " -q").code == 4);
  CHECK_THAT(place.read("none.xml"), ContainsSubstring("runs came to no conclusion\" "
                                                       "type=\"conclusive\">orrery " +
                                                       replay));
}

TEST_CASE("progress is one line that is redrawn on a terminal, and plain elsewhere") {
  const Place place;
  const std::string words = "run many-sessions --time 1s -s 1 -j 1 --check-determinism off";
  const std::string drawn = on_terminal(place, words);
  CHECK(count_of(drawn, "\r\033[K") >= 2);  // drawn, and taken away
  CHECK_THAT(drawn, ContainsSubstring(" runs  "));
  CHECK(drawn.ends_with("\r\033[K"));  // gone at the end
  const Ended plain = place.run(words);
  CHECK(plain.code == 0);
  CHECK(plain.err.find('\r') == std::string::npos);
  CHECK(plain.err.find('\033') == std::string::npos);
  CHECK(on_terminal(place, words + " -q").empty());
}

TEST_CASE("no line of progress is wider than its terminal, and a dumb one gets none drawn anew") {
  const Place place;
  const std::string words = "run many-sessions --time 1s -s 1 -j 1 --check-determinism off";
  const std::string again = "\r\033[K";
  const std::string narrow = on_terminal(place, words, "xterm", 40);
  CHECK(count_of(narrow, again) >= 2);  // drawn, and taken away
  for (size_t at = narrow.find(again); at != std::string::npos;) {
    const size_t next = narrow.find(again, at + again.size());
    INFO(narrow.substr(at, next - at));
    CHECK(std::min(next, narrow.size()) - at < again.size() + 40);
    at = next;
  }
  const std::string dumb = on_terminal(place, words, "dumb", 40);
  CHECK(count_of(dumb, "campaign seed") == 1);
  CHECK(dumb.find('\033') == std::string::npos);
}

TEST_CASE("where nothing can be written, what was found is still told") {
  const Place place;
  // No file may grow: like a disk that is full from the first byte on.
  const Ended full = place.shell(R"(
      told=$(ulimit -f 0; $ORRERY run canary -n 5000 -s 1 -q --junit junit.xml 2>&1)
      code=$?
      echo "$told"
      exit $code)");
  CHECK(full.code == 5);
  CHECK_THAT(full.out, ContainsSubstring("first failing seed 0x"));
  CHECK_THAT(full.out, ContainsSubstring("could be saved"));
  CHECK_THAT(full.out, ContainsSubstring("cannot write junit.xml"));
  CHECK(place.files() == 0);  // and nothing half-written is left behind
  // A result that cannot be written hides none of several failures, or how many there were.
  const std::string words =
      "$ORRERY run snapshot-full-cache -s 11 --bug garnet-2063.b --keep-going -q ";
  const Ended several = place.shell(words + "-n 300 > /dev/full");
  CHECK(several.code == 5);
  CHECK_THAT(several.err, ContainsSubstring("300 runs  "));
  CHECK(count_of(several.err, "orrery: FAILED  ") >= 2);
  const std::string replay = "replay:  " + place.binary() + " replay snapshot-full-cache 0x";
  CHECK(count_of(several.err, replay) >= 2);
  // Nor do rows that cannot be written hide the failing seed.
  const std::string first = place.shell(words + "-n 300 2> /dev/null").out;
  const size_t failing = std::stoul(behind(first, "  (run "));
  const Ended rows =
      place.shell(words + "-n 1 --json > /dev/full --from " + std::to_string(failing));
  CHECK(rows.code == 5);
  CHECK_THAT(rows.err, ContainsSubstring(replay));
}

TEST_CASE("a tape that cannot be saved says why") {
  const Place place;
  const std::string words = "run canary -n 5000 -s 1 -q --out found";
  const std::string shrink = behind(place.run(words).out, " shrink ");
  const std::string tape = shrink.substr(0, shrink.find(' '));
  const Ended ended = place.shell("rm " + tape + " && mkdir " + tape + ".tmp && $ORRERY " + words);
  CHECK(ended.code == 5);
  CHECK_THAT(ended.out, ContainsSubstring("reproduced in a fresh process"));
  CHECK_THAT(ended.err, ContainsSubstring("could be saved: cannot write " + tape));
}

TEST_CASE("a bug that is seen says what its seeds cost, and not what the campaign did") {
  const Place place;
  const std::string words = "run snapshot-full-cache --bug garnet-2063.b -s 1 -q --keep-going -n ";
  const auto cost = [&](const char* runs) {
    const std::string told = behind(place.run(words + runs).out, "bug garnet-2063.b: seen by ");
    const size_t at = told.find(", ") + 2;
    return std::stod(told.substr(at, told.find(" s of CPU") - at));
  };
  CHECK(cost("600") < 4 * cost("30") + 0.2);
}

TEST_CASE("a printed command can be pasted, wherever the binary lies") {
  const Place place;
  const Ended hunt = place.run("run canary -n 5000 -s 1 -q");
  REQUIRE(hunt.code == 1);
  const std::string replay = behind(hunt.out, "replay:  ");
  CHECK(replay.starts_with(place.binary() + " replay canary 0x"));
  CHECK(place.shell(replay + " -q").code == 1);
  CHECK(place.shell(behind(hunt.out, "shrink:  ") + " -q").code == 0);
  // What goes into a file is the same on every machine.
  CHECK_THAT(place.shell("cd .. && ln -s $ORRERY 'my orrery' && './my orrery' replay canary 1").out,
             ContainsSubstring("replay:  './my orrery' replay canary 0x"));
}

TEST_CASE("printed commands repeat what a tape does not hold, in words that a shell takes") {
  const Place place;
  const std::string oracles = " --oracles snapshot-cut,lifetimes";
  const Ended hunt = place.run(
      "run snapshot-full-cache --bug garnet-385 -s 4 -n 4000 -q --hang-after 40s "
      "--out 'my out' --junit out.xml" +
      oracles);
  REQUIRE(hunt.code == 1);
  const std::string shrink = behind(hunt.out, "  shrink:  " + place.binary());
  CHECK_THAT(shrink, ContainsSubstring(" shrink 'my out/snapshot-full-cache-0x"));
  CHECK_THAT(shrink, ContainsSubstring(".orry'" + oracles));
  const std::string in_file = "orrery" + shrink.substr(0, shrink.find("  # ")) + "\n";
  CHECK_THAT(place.read("out.xml"), ContainsSubstring(in_file));
  // What came to no conclusion has its command as well.
  const std::string inconclusive = hunt.out.substr(hunt.out.find("INCONCLUSIVE"));
  const std::string replay = behind(inconclusive, "  replay:  ");
  CHECK(replay.starts_with(place.binary() + " replay snapshot-full-cache 0x"));
  CHECK(replay.ends_with(" --hang-after 40s"));
  CHECK(place.shell(replay + " -q").code == 4);
  CHECK_THAT(place.shell(replay).out, ContainsSubstring("--hang-after 40s\n"));
}

TEST_CASE("JUnit has a case for each oracle, the replay command first, and fits the schema") {
  const Place place;
  CHECK(place.run("run canary -n 5000 -s 1 -q --junit found.xml").code == 1);
  require_schema(place, "found.xml");
  const std::string found = place.read("found.xml");
  CHECK(count_of(found, "<failure ") == 1);
  CHECK_THAT(found, ContainsSubstring("\">orrery replay canary 0x"));
  CHECK_THAT(found, ContainsSubstring("[[ATTACHMENT|orrery-out/canary-0x"));
  CHECK_THAT(found, ContainsSubstring("name=\"linearizable\""));

  CHECK(place.run("run many-sessions -n 60 -s 1 -q --junit well/junit.xml").code == 0);
  require_schema(place, "well/junit.xml");
  const std::string oracles = place.run("list oracles --json").out;
  CHECK(count_of(place.read("well/junit.xml"), "<testcase ") == count_of(oracles, "\n") + 3);
  CHECK_THAT(place.read("well/junit.xml"),
             ContainsSubstring("failures=\"0\" errors=\"0\" skipped=\"0\""));

  CHECK(
      place.run("run many-sessions -n 5 -s 1 -q --set operations=1000000 --junit none.xml").code ==
      4);
  require_schema(place, "none.xml");
  CHECK_THAT(place.read("none.xml"), ContainsSubstring("none of 5 runs came to a conclusion"));

  CHECK(place.run("run canary -n 1 -s 2 -q --junit missed.xml").code == 6);
  require_schema(place, "missed.xml");
  CHECK_THAT(place.read("missed.xml"), ContainsSubstring("a canary was not found"));

  CHECK(place.run("run pointer-canary -n 60 -s 1 -q --junit differs.xml").code == 3);
  require_schema(place, "differs.xml");
  CHECK_THAT(place.read("differs.xml"),
             ContainsSubstring("type=\"determinism\">orrery replay pointer-canary 0x"));

  // The commands in it say all that was asked for, so that they give the same.
  CHECK(place
            .run("run pointer-canary -n 9 --from 3 -s 1 -q --guarded --keep-going "
                 "--check-determinism all --junit all.xml")
            .code == 3);
  const std::string all = place.read("all.xml");
  const std::string again = behind(all, "\norrery run ");
  CHECK_THAT(again, ContainsSubstring("--from 3 -n 9 --check-determinism all --guarded "
                                      "--keep-going"));
  CHECK(place.run("run " + again + " -q").code == 3);
  CHECK(place.run(behind(all, "type=\"determinism\">orrery ") + " -q").code == 3);
}

}  // namespace orrery::cli
