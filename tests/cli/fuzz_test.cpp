// SPDX-License-Identifier: Apache-2.0
// orrery fuzz around a fuzzer that is played by a script: what it leaves behind is reproduced in
// fresh processes, counted once under its signature and kept as a tape.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzz/schedule.hpp"
#include "fuzz/schedule_mutator.hpp"
#include "tests/cli/place.hpp"

namespace orrery::cli {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using Bytes = std::vector<uint8_t>;

/// A folder for one test, removed at its end.
class Desk {
 public:
  Desk() : path_((fs::temp_directory_path() / "orrery-fuzz-XXXXXX").string()) {
    REQUIRE(mkdtemp(path_.data()) != nullptr);
    const char* const named = std::getenv("ORRERY");
    binary_ = fs::absolute(named != nullptr ? named : "build/release/cli/orrery").string();
    REQUIRE(fs::exists(binary_));
  }
  ~Desk() { fs::remove_all(path_); }
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  Ended run(const std::string& words) const {
    const std::string command = "cd " + path_ + " && export ORRERY=" + binary_ + " && $ORRERY " +
                                words + " > out.txt 2> err.txt < /dev/null";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read("out.txt"), read("err.txt")};
  }
  std::string read(const std::string& name) const {
    std::ifstream file(path_ + "/" + name, std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(file)), {});
  }
  void write(const std::string& name, const Bytes& bytes) const {
    std::ofstream file(path_ + "/" + name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }
  /// A fuzzer that runs `found` when it hunts, with $prefix for artifacts and $corpus; and `again`
  /// when it is given one artifact, $1.
  void write_fuzzer(const std::string& found, const std::string& again) const {
    std::ofstream file(path_ + "/fuzzer");
    file << "#!/bin/sh\n"
            "for word in \"$@\"; do case $word in\n"
            "  -artifact_prefix=*) prefix=${word#*=} ;;\n"
            "  --known=*) known=${word#*=} ;;\n"
            "esac; done\n"
            "written() { echo \"Test unit written to ${prefix}crash-$1\"; }\n"
            "if [ -f \"$1\" ]; then "
         << again << "; fi\n"
         << found << "\n";
    file.close();
    fs::permissions(path_ + "/fuzzer", fs::perms::owner_all);
  }
  const std::string& path() const { return path_; }
  std::vector<std::string> tapes() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(path_ + "/found")) {
      if (entry.path().extension() == ".orry") all.push_back(entry.path().string());
    }
    return all;
  }

 private:
  std::string path_;
  std::string binary_;
};

// A blind search of a few hundred inputs is enough for the planted bug.
Bytes failing_input() {
  fuzz::Changes changes;
  changes.bugs = {"garnet-385"};
  fuzz::SchedulePlayer player(*scenarios::find_scenario("snapshot-full-cache"), changes);
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    Bytes bytes;
    for (uint64_t i = 0; i < 16; ++i) {
      bytes = fuzz::mutated(bytes, fuzz::ScheduleInput::kSizeMax, sim::mix(seed, i));
    }
    if (player.play(bytes).verdict == scenarios::Verdict::failed) return bytes;
  }
  return {};
}

void leave_failing_input(const Desk& desk) {
  const Bytes bytes = failing_input();
  REQUIRE_FALSE(bytes.empty());
  desk.write("input", bytes);
}

}  // namespace

TEST_CASE("an artifact becomes a tape that replays and shrinks; the same failure counts once") {
  const Desk desk;
  leave_failing_input(desk);
  desk.write("orrery-out", {});  // no folder of findings is wanted, and none could be made
  const Ended converted = desk.run("fuzz schedule --convert input --bug garnet-385 --tape it.orry");
  REQUIRE(converted.code == 1);
  REQUIRE_THAT(converted.out, ContainsSubstring("\"verdict\":\"failed\""));
  REQUIRE(desk.run("replay it.orry -q").code == 1);
  REQUIRE(desk.run("fuzz schedule --convert input").code == 0);  // it is the bug's doing

  // Two artifacts at once; told which failure is known, the fuzzer finds nothing more.
  desk.write_fuzzer(
      "[ -s $known ] && echo 'stat::number_of_executed_units: 7' && exit 0; cp input "
      "${prefix}crash-1; cp input ${prefix}crash-2; "
      "written 1; written 2; exit 1",
      "exit 1");
  const Ended ended = desk.run(
      "fuzz schedule --fuzzer ./fuzzer --bug garnet-385 --out found --time 60s --keep-going");
  REQUIRE(ended.code == 1);
  REQUIRE_THAT(ended.out, ContainsSubstring("1 failure"));
  REQUIRE_THAT(ended.out, ContainsSubstring("2 artifacts"));
  REQUIRE_THAT(ended.out, ContainsSubstring("orrery replay found/"));
  REQUIRE(desk.read("found/known-signatures").find('\n') != std::string::npos);
  const std::vector<std::string> tapes = desk.tapes();
  REQUIRE(tapes.size() == 1);
  REQUIRE(desk.run("replay " + tapes[0] + " -q").code == 1);
  REQUIRE(desk.run("shrink " + tapes[0] + " -o small.orry -q").code == 0);
  REQUIRE(desk.read("small.orry").size() < desk.read("it.orry").size());
}

TEST_CASE("a failure of which no tape can be saved is told under its own name") {
  const Desk desk;
  leave_failing_input(desk);
  // Where the tape would stand there is a folder.
  desk.write_fuzzer(
      "mkdir ${prefix}../snapshot-full-cache-crash-1.orry; cp input ${prefix}crash-1; exit 1",
      "exit 1");
  const Ended ended =
      desk.run("fuzz schedule --fuzzer ./fuzzer --bug garnet-385 --out found --time 60s -q");
  REQUIRE(ended.code == 5);
  REQUIRE_THAT(ended.out, ContainsSubstring("FOUND  walks: "));
  REQUIRE_THAT(ended.err, ContainsSubstring("crash-1: no tape of it could be saved: "));
  REQUIRE_THAT(ended.err, ContainsSubstring("crash-1.orry\" is a folder"));
}

TEST_CASE("a failure that an earlier call has saved is not saved again") {
  const Desk desk;
  leave_failing_input(desk);
  const std::string words = "fuzz schedule --fuzzer ./fuzzer --out found --time 60s -q";
  const std::string bug = " --bug garnet-385";
  const auto leaving = [&](const std::string& name) {
    desk.write_fuzzer("cp $known asked; cp input ${prefix}crash-" + name + "; exit 1", "exit 1");
  };
  leaving("1");
  REQUIRE(desk.run(words + bug).code == 1);
  const std::vector<std::string> first = desk.tapes();
  REQUIRE(first.size() == 1);
  REQUIRE(desk.read("asked").empty());
  // Also the last one of a call stands in the file, which is never written over.
  const std::string known = desk.read("found/known-signatures");
  REQUIRE_THAT(known, ContainsSubstring("{\"signature\":\"walks: "));
  REQUIRE(known.back() == '\n');
  fs::create_hard_link(desk.path() + "/found/known-signatures", desk.path() + "/before");

  // A target that stops all the same: what it left is told with the tape of before.
  leaving("2");
  const Ended again = desk.run(words + bug);
  REQUIRE(again.code == 1);
  REQUIRE(desk.tapes() == first);
  REQUIRE_THAT(again.out, ContainsSubstring("orrery replay found/"));
  REQUIRE_THAT(again.out, ContainsSubstring("not looked for: 1 signature of before"));
  REQUIRE_THAT(desk.read("asked"), ContainsSubstring("walks: "));
  REQUIRE(desk.read("found/known-signatures") == known);

  // The same words are another failure if something else is played, and each stays known.
  leaving("3");
  REQUIRE(desk.run(words + bug + " --oracles walks").code == 1);
  REQUIRE(desk.read("asked").empty());
  REQUIRE(desk.tapes().size() == 2);
  REQUIRE(desk.read("found/known-signatures").starts_with(known));
  REQUIRE(desk.read("found/known-signatures").size() > known.size());
  REQUIRE(desk.read("before") == known);

  // Nothing is known of which no tape is left.
  fs::remove(first[0]);
  leaving("4");
  REQUIRE(desk.run(words + bug).code == 1);
  REQUIRE(desk.read("asked").empty());
  REQUIRE(desk.tapes().size() == 2);
}

TEST_CASE("an artifact that is left twice keeps its one tape") {
  const Desk desk;
  leave_failing_input(desk);
  desk.write_fuzzer(
      "[ -f second ] && echo '#7: cov: 1 ' && exit 0; [ -f first ] && touch second; touch first; "
      "sleep 0.1; cp input ${prefix}crash-1; exit 1",
      "exit 1");
  const Ended ended = desk.run(
      "fuzz schedule --fuzzer ./fuzzer --bug garnet-385 --out found --time 60s --keep-going -q");
  REQUIRE(ended.code == 1);
  REQUIRE_THAT(ended.out, ContainsSubstring("2 artifacts"));
  REQUIRE(desk.tapes().size() == 1);
}

TEST_CASE("a target's own death is a finding if a fresh process dies of it too") {
  const Desk desk;
  const std::string words = "fuzz schedule --fuzzer ./fuzzer --out found --time 60s -q";
  const std::string die = "echo 'SUMMARY: AddressSanitizer: heap-use-after-free x.cpp:17'; exit 1";
  desk.write_fuzzer("echo calm > ${prefix}crash-1; written 1; " + die, die);
  const Ended died = desk.run(words);
  REQUIRE(died.code == 1);
  REQUIRE_THAT(died.out, ContainsSubstring("the target's process died: SUMMARY: AddressSanitizer: "
                                           "heap-use-after-free x.cpp:#"));
  REQUIRE_THAT(died.out, ContainsSubstring("again:   ./fuzzer found/artifacts/crash-1"));

  desk.write_fuzzer("echo calm > ${prefix}crash-2; written 2; " + die, "exit 0");
  const Ended once = desk.run(words);
  REQUIRE(once.code == 5);
  REQUIRE_THAT(once.out, ContainsSubstring("nothing found"));
  REQUIRE_THAT(once.err, ContainsSubstring("HARNESS FAILURE"));

  desk.write_fuzzer("echo 'schedule: no such thing'; exit 2", "exit 2");
  const Ended refused = desk.run(words);
  REQUIRE(refused.code == 5);
  REQUIRE_THAT(refused.err, ContainsSubstring("schedule: no such thing"));

  // An end that says nothing of inputs is no green.
  desk.write_fuzzer("exit 0", "exit 0");
  const Ended idle = desk.run(words);
  REQUIRE(idle.code == 5);
  REQUIRE_THAT(idle.err, ContainsSubstring("without having tried an input"));

  desk.write_fuzzer("echo 'stat::number_of_executed_units: 7'; exit 0", "exit 0");
  REQUIRE(desk.run(words).code == 0);
}

TEST_CASE("a target that plays no runs takes all options but those of a run") {
  const Desk desk;
  desk.write_fuzzer("echo $* > flags; echo '#7: cov: 1 '; exit 0", "exit 0");
  for (const char* const target : {"tape", "checkpoint"}) {
    const Ended ended =
        desk.run(std::string("fuzz ") + target +
                 " --fuzzer ./fuzzer --out found --time 60s --grace 60s --hang-after 8s --seed 3 "
                 "--keep-going -q -- -runs=7");
    INFO(ended.err);
    REQUIRE(ended.code == 0);
    REQUIRE_THAT(desk.read("flags"), ContainsSubstring(" -seed=3 -runs=7"));
    REQUIRE_THAT(desk.read("flags"), !ContainsSubstring(" --"));
  }
}

TEST_CASE("a folder that takes no more bytes is said to be full, and hides no finding") {
  const Desk desk;
  const std::string die = "echo 'SUMMARY: AddressSanitizer: leak x.cpp:17'; exit 1";
  // As libFuzzer does, it does not look whether the artifact has arrived: it is there, and empty.
  desk.write_fuzzer("echo input 2> /dev/null > ${prefix}crash-1; " + die,
                    "[ -s $1 ] || exit 0; " + die);
  const Ended full = desk.run(
      "--version > version; told=$(ulimit -f 0; $ORRERY fuzz schedule --fuzzer ./fuzzer "
      "--out found --time 60s -q 2>&1; echo code $?); echo \"$told\"");
  REQUIRE_THAT(full.out, ContainsSubstring("code 5"));
  REQUIRE_THAT(full.out, !ContainsSubstring("nothing found"));
  REQUIRE_THAT(full.out, ContainsSubstring("cannot write found/"));
  REQUIRE_THAT(full.out, ContainsSubstring(": File too large"));

  // Of a disk that fills later, what has arrived is still looked at.
  desk.write_fuzzer("echo input > ${prefix}crash-1; mkdir ${prefix}../room.tmp; " + die, die);
  const Ended later = desk.run("fuzz schedule --fuzzer ./fuzzer --out found --time 60s -q");
  REQUIRE(later.code == 5);
  REQUIRE_THAT(later.out, ContainsSubstring("1 failure"));
  REQUIRE_THAT(later.err, ContainsSubstring("cannot write found/room.tmp: "));

  desk.write_fuzzer("echo > ${prefix}crash-2; mkdir -p ${prefix}../room.tmp; " + die, "exit 0");
  const Ended cut = desk.run("fuzz schedule --fuzzer ./fuzzer --out found2 --time 60s -q");
  REQUIRE(cut.code == 5);
  REQUIRE_THAT(cut.out, ContainsSubstring("what was found may not have been kept"));
  REQUIRE_THAT(cut.err, ContainsSubstring("cannot write found2/room.tmp: "));
}

TEST_CASE(
    "a fuzzer that does not stop when its time is over is stopped, and is a harness failure") {
  const Desk desk;
  desk.write_fuzzer("exec sleep 1000", "exit 0");
  const Ended late =
      desk.run("fuzz schedule --fuzzer ./fuzzer --out found --time 1s --grace 1s -q");
  REQUIRE(late.code == 5);
  REQUIRE_THAT(late.err, ContainsSubstring("did not stop"));
}

TEST_CASE("nothing that a fuzzer has begun outlives it") {
  const Desk desk;
  const std::string words = "fuzz schedule --fuzzer ./fuzzer --out found -q";
  const auto is_alive = [&] {
    const std::string process = desk.read("child");
    REQUIRE_FALSE(process.empty());
    const fs::path words_of_it = "/proc/" + std::to_string(std::stoi(process)) + "/cmdline";
    // What was killed may take a moment. Of what has died nothing is left there, even if nobody has
    // taken it in yet.
    std::string left = "?";
    for (int i = 0; i < 6000 && !left.empty(); ++i) {
      left.clear();
      std::getline(std::ifstream(words_of_it), left);
      if (!left.empty()) usleep(10'000);
    }
    if (!left.empty()) kill(std::stoi(process), SIGKILL);
    return !left.empty();
  };
  const std::string begin = "sleep 1000 & echo $! > child; ";
  desk.write_fuzzer(begin + "wait", "exit 0");
  REQUIRE(desk.run(words + " --time 1s --grace 4s").code == 5);
  REQUIRE_FALSE(is_alive());

  desk.write_fuzzer(begin + "echo '#7: cov: 1 '; exit 0", "exit 0");
  REQUIRE(desk.run(words + " --time 60s").code == 0);
  REQUIRE_FALSE(is_alive());

  desk.write_fuzzer(begin + "trap 'exit 72' INT; kill -INT $PPID; wait", "exit 0");
  REQUIRE(desk.run(words + " --time 60s").code == 75);
  REQUIRE_FALSE(is_alive());

  // A second one is the end of all of it.
  desk.write_fuzzer(begin + "trap '' INT; while kill -INT $PPID; do sleep 0.05; done", "exit 0");
  REQUIRE(desk.run(words + " --time 60s").code == 130);
  REQUIRE_FALSE(is_alive());
}

TEST_CASE("what a fuzzer leaves behind is looked at, however it ended and whatever it said") {
  const Desk desk;
  const std::string words = "fuzz schedule --fuzzer ./fuzzer --out found -q";
  const std::string again = "echo 'SUMMARY: AddressSanitizer: leak x.cpp:17'; exit 1";
  // As in libFuzzer's fork mode: it goes on after each, says nothing of them, and ends well.
  desk.write_fuzzer(
      "echo one > ${prefix}crash-1; echo two > ${prefix}leak-2; echo slow > ${prefix}slow-unit-3;"
      "echo '#5369: cov: 1462 ft: 9633 corp: 625 exec/s: 694'; exit 0",
      again);
  const Ended well = desk.run(words + " --time 60s");
  REQUIRE(well.code == 1);
  REQUIRE_THAT(well.out, ContainsSubstring("fuzz schedule  5,369 inputs"));
  REQUIRE_THAT(well.out, ContainsSubstring("(2 artifacts)"));

  // What lies there from before is not told again; what is written again is.
  desk.write_fuzzer("echo '#7: cov: 1 '; exit 0", again);
  REQUIRE(desk.run(words + " --time 60s").code == 0);
  desk.write_fuzzer("sleep 0.1; echo one > ${prefix}crash-1; echo '#7: cov: 1 '; exit 0", again);
  REQUIRE(desk.run(words + " --time 60s").code == 1);

  desk.write_fuzzer("echo late > ${prefix}crash-4; exec sleep 1000", again);
  const Ended late = desk.run(words + " --time 1s --grace 4s");
  REQUIRE(late.code == 5);
  REQUIRE_THAT(late.err, ContainsSubstring("did not stop"));
  REQUIRE_THAT(late.out, ContainsSubstring("found/artifacts/crash-4"));

  // After Ctrl-C nothing more is begun, and what there is is named.
  desk.write_fuzzer("echo five > ${prefix}crash-5; kill -INT $PPID; sleep 0.2; exit 72", again);
  const Ended stopped = desk.run(words + " --time 60s");
  REQUIRE(stopped.code == 75);
  REQUIRE_THAT(stopped.err, ContainsSubstring("nobody has looked at found/artifacts/crash-5"));
}

TEST_CASE("an input whose run stands still is a broken promise, with a tape that shrinks") {
  const Desk desk;
  const std::string stuck = " --scenario canary --set stuck=1 --hang-after 2s";
  desk.write("input", Bytes{1, 2, 3});
  const Ended converted = desk.run("fuzz schedule --convert input" + stuck);
  REQUIRE(converted.code == 1);
  REQUIRE_THAT(converted.out, ContainsSubstring("\"oracle\":\"progress\""));

  desk.write_fuzzer("echo $* > flags; cp input ${prefix}timeout-1; exit 1", "exit 1");
  const Ended ended = desk.run("fuzz schedule --fuzzer ./fuzzer --out found --time 60s -q" + stuck);
  REQUIRE(ended.code == 1);
  REQUIRE_THAT(ended.out, ContainsSubstring("FOUND  progress: "));
  REQUIRE_THAT(desk.read("flags"), ContainsSubstring("-timeout=1 "));
  const std::vector<std::string> tapes = desk.tapes();
  REQUIRE(tapes.size() == 1);
  REQUIRE_THAT(ended.out, ContainsSubstring("canary-timeout-1.orry --hang-after 2s\n"));
  const Ended shrunk = desk.run("shrink " + tapes[0] + " -o small.orry --hang-after 2s");
  REQUIRE(shrunk.code == 0);
  REQUIRE_THAT(shrunk.out, ContainsSubstring(" replay small.orry --hang-after 2s\n"));
  REQUIRE_THAT(shrunk.out, ContainsSubstring("progress"));
}

TEST_CASE("a fresh process that is asked about an artifact may not take for ever") {
  const Desk desk;
  desk.write("input", Bytes{1, 2, 3});
  // Where the tape goes is a pipe that nobody reads: whoever opens it to write waits.
  desk.write_fuzzer("mkfifo found/canary-crash-1.orry; cp input ${prefix}crash-1; exit 1",
                    "exit 1");
  const Ended ended = desk.run(
      "fuzz schedule --fuzzer ./fuzzer --out found --time 60s -q --scenario canary "
      "--hang-after 500ms");
  REQUIRE(ended.code == 5);
  REQUIRE_THAT(ended.err, ContainsSubstring("was not over in time"));
}

}  // namespace orrery::cli
