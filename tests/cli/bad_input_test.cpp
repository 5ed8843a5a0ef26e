// SPDX-License-Identifier: Apache-2.0
// What is typed wrongly, and the one line that says so. $ORRERY names the binary.
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/catch.hpp"
#include "tests/cli/place.hpp"

namespace orrery::cli {
namespace {

/// What is typed, and what the one line must say.
struct Row {
  const char* words;
  const char* message;
};
constexpr Row kBadInput[] = {
    {"", ""},
    {"rnu canary", "did you mean \"run\"?"},
    {"run", "run what?"},
    {"run canry", "did you mean \"canary\"?"},
    {"run snapshot", "did you mean \"snapshot-at-rest\"?"},
    {"run canary -n 0", "-n wants a whole number from 1 on, not \"0\""},
    {"run canary -n ten", "not \"ten\""},
    {"run canary -n 5 --time 1s", "-n and --time exclude each other"},
    {"run canary --time soon",
     "\"soon\" is no length of time; write 30s, 5m, 2h, 500ms, or a number"},
    {"run canary --time 2000h", "--time 2000h is more than 1000h"},
    {"run canary -j 0", "-j wants a whole number"},
    {"run canary -n 5 -n 6", "option --runs is given 2 times; once is enough"},
    {"run canary -s 1 --seed 2 -s 3", "option --seed is given 3 times"},
    {"run canary --bug garnet-385 --bug garnet-385", "bug \"garnet-385\" is given twice"},
    {"run canary --from -1", "--from wants a whole number"},
    {"run canary --from 18446744073709551615", "beyond every campaign"},
    {"run canary --check-determinism often", "1/50, 50, all, off or 0, not \"often\""},
    {"run canary --check-determinism 1/0", "1/50, 50, all, off or 0, not \"1/0\""},
    {"run canary --hang-after never", "\"never\" is no length of time"},
    {"run canary --hang-after 1ms", "too short for any run"},
    {"run canary --junit .", "\".\" is a folder"},
    {"run canary --junit ring", "\"ring\" is a link that leads to no file"},
    {"run canary --junit socket", "\"socket\" is a socket"},
    {"run canary --junit canary.orry/junit.xml", "canary.orry is a file"},
    {"run canary -s 0xfffffffffffffffff", "is no seed"},
    {"run canary -s seven", "\"seven\" is no seed"},
    {"run canary -s @missing", "there is no file \"missing\""},
    {"run canary --bug garnet-358", "did you mean \"garnet-385\"?"},
    {"run canary --fault io-eror", "did you mean \"io-error\"?"},
    {"run canary --fault lost-dir", "did you mean \"lost-directory\"?"},
    {"run canary --oracles lifetime", "did you mean \"lifetimes\"?"},
    {"run canary --oracles ''", "--oracles wants names"},
    {"run canary --oracles walks,,memory", "--oracles wants names"},
    {"run canary --oracles walks,", "--oracles wants names"},
    {"run canary --set io_pints=4", "did you mean \"io_points\"?"},
    {"run canary --set io_points=0", "io_points"},
    {"run canary --set io_points", "sets no size"},
    {"run canary --set io_points=many", "sets no size"},
    {"run canary --kep-going", "did you mean \"--keep-going\"?"},
    {"run canary --out canary.orry/found", "canary.orry is a file"},
    {"run canary --out /proc/found", "nothing can be written into \"/proc/found\": /proc: "},
    {"run canary --junit /proc/junit.xml", "nothing can be written into \"/proc\""},
    {"run canary extra", "one word too many"},
    {"run canary --color sometimes", "auto, always or never"},
    {"replay", "a scenario and a seed"},
    {"replay canary", "wants a seed"},
    {"replay canry 1", "did you mean \"canary\"?"},
    {"replay canary seven", "\"seven\" is no seed"},
    {"replay missing.orry", "there is no file \"missing.orry\"\n"},
    {"replay canary 1.5", "\"1.5\" is no seed"},
    {"replay missing.orry 5", "there is no file \"missing.orry\"\n"},
    {"replay many-sessions missing.orry", "there is no file \"missing.orry\"\n"},
    {"replay many-session 1", "did you mean \"many-sessions\"?"},  // a folder of that name is none
    {"replay canary.orry 5", "\"5\" is one word too many: canary.orry is a file, and a tape has"},
    {"replay bad.orry", "bad.orry:3: "},
    {"replay empty.orry", "empty.orry:1: "},
    {"replay cut.orry", "cut.orry:2: cut off here: a tape ends with the line \"end\"\n"},
    {"shrink cut.orry", "cut.orry:2: cut off here"},
    {"replay other.orry", "did you mean \"canary\"?"},
    {"replay size.orry", "io_points"},
    {"replay renamed.orry",
     "the tape is cut off, too old, or of another scenario than pointer-canary"},
    {"replay /dev/null", "\"/dev/null\" is not a regular file"},
    {"replay pipe", "\"pipe\" is not a regular file"},
    {"replay many-sessions canary.orry", "is a tape of scenario canary, not of many-sessions"},
    {"replay canary 1 --until soon", "--until wants a whole number"},
    {"replay canary 1 --report stroy", "did you mean \"story\"?"},
    {"shrink", "a scenario and a seed"},
    {"shrink bad.orry", "bad.orry:3: "},
    {"shrink canary 1 --replays none", "--replays wants"},
    {"shrink canary 1 --replays 2", "--replays wants a whole number from 50 on, not \"2\""},
    {"list bags", "did you mean \"bugs\"?"},
    {"list sizes", "sizes of which scenario?"},
    {"list sizes canry", "did you mean \"canary\"?"},
    {"doctor --now", "is not known to orrery doctor"},
    {"run canary --set io_points=50 --set io_points=60", "--set io_points is given twice"},
    {"run canary -n 3 --fault power-loss", "never loses power"},
    {"run crash-loop -n 3 --fault bit-rot", "lets no file decay"},
    {"run canary -n 3 --fault cut-file", "lets no file decay"},
    {"run canary -n 3 --fault torn-write", "never loses power"},
    {"run crash-loop -n 3 --fault lost-directory", "lets no directory vanish"},
    {"run append-log -n 3 --fault lost-directory", "lets no directory vanish"},
    {"run append-log -n 3 --bug garnet-385", "is in code that append-log does not play"},
    {"replay canary 1 --bug spec-d9", "is in code that canary does not play"},
    {"replay .", "\".\" is a folder"},
    {"run canary -s @.", "\".\" is a folder"},
    {"run canary --set io_points", "write --set io_points=50"},
    {"run many-sessions --set page_bits=x", "write --set page_bits=9"},
    {"replay canary.orry --set io_point=", "write --set io_points=50"},
    {"replay canary.orry --no-bugs --bug garnet-385", "--no-bugs and --bug exclude each other"},
    {"replay canary 1 --until 5 --report json", "it goes with none of"},
    {"replay canary 1 --abort --until 5", "--abort leaves nothing to tell"},
    {"replay canary 1 --abort --json", "--abort leaves nothing to tell"},
    {"replay canary 1 --abort --save x.orry", "--abort leaves nothing to tell"},
    {"replay canary 1 --json --trace", "three forms of one report; name one"},
    {"replay canary 1 --report json --trace", "three forms of one report; name one"},
    {"replay canary 1 --json --report story", "three forms of one report; name one"},
    {"shrink canary 1 -o .", "\".\" is a folder"},
    {"shrink canary 1 -o /proc/small.orry", "nothing can be written into \"/proc\""},
    {"replay canary 1 --save .", "\".\" is a folder"},
    {"replay canary 1 --save /proc/no/such/folder.orry", "/proc/no/such"},
    {"run garnet-385-40g --set page_bits=30 -s 1 -n 1", "a world has less than 128 GiB"},
    {"replay garnet-385-40g 1 --set page_bits=30", "a world has less than 128 GiB"},
    {"fuzz", "fuzz what?"},
    {"fuzz schedul", "did you mean \"schedule\"?"},
    {"fuzz schedule --scenario canry", "did you mean \"canary\"?"},
    {"fuzz schedule --bug garnet-358", "did you mean \"garnet-385\"?"},
    {"fuzz schedule --time soon", "is no length of time"},
    {"fuzz schedule --seed 0", "-s wants a whole number"},
    {"fuzz schedule --set page_bits=99", "page_bits"},
    {"fuzz schedule --convert missing", "there is no file \"missing\""},
    {"fuzz schedule --fuzzer missing", "there is no file \"missing\""},
    {"fuzz schedule --fuzzer canary.orry", "\"canary.orry\" is no program"},
    {"fuzz schedule --tape a.orry", "--tape goes with --convert"},
    {"fuzz schedule --convert ''", "--convert wants the name of a file"},
    {"fuzz schedule --convert canary.orry --tape ''", "--tape wants the name of a file"},
    {"fuzz schedule --convert canary.orry --time 1s", "--time goes with a fuzzing, and --conv"},
    {"fuzz schedule --convert canary.orry -s 1", "-s goes with a fuzzing"},
    {"fuzz schedule --convert canary.orry -- -runs=1", "-- goes with a fuzzing"},
    {"fuzz schedule --convert canary.orry --keep-going", "--keep-going goes with a fuzzing"},
    {"fuzz schedule --convert canary.orry --out .", "--out goes with a fuzzing"},
    {"fuzz schedule --convert canary.orry --tape .", "\".\" is a folder"},
    {"fuzz schedule --convert canary.orry --tape /proc/x.orry",
     "nothing can be written into \"/proc\""},
    {"fuzz tape --convert bad.orry", "an input of tape is no run; --convert goes with schedule\n"},
    {"fuzz tape --tape a.orry", "an input of tape is no run; --tape goes with schedule\n"},
    {"fuzz tape --bug garnet-385", "an input of tape is no run; --bug goes with schedule\n"},
    {"fuzz tape --scenario canry", "an input of tape is no run; --scenario goes with schedule\n"},
    {"fuzz tape --fault io-eror", "an input of tape is no run; --fault goes with schedule\n"},
    {"fuzz checkpoint --no-faults", "an input of checkpoint is no run; --no-faults goes with"},
    {"fuzz checkpoint --set io_points", "an input of checkpoint is no run; --set goes with"},
    {"fuzz checkpoint --oracles ''", "an input of checkpoint is no run; --oracles goes with"},
    {"fuzz tape --out canary.orry/found", "canary.orry is a file"},
};

void make_socket(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  REQUIRE(path.size() < sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  const int made = socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(bind(made, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  close(made);
}

}  // namespace

TEST_CASE("bad input: one line with the nearest valid name, exit code 2, nothing written") {
  const Place place;
  const std::string head = "orrery-tape 1\nscenario canary\n";
  place.write("canary.orry", head + "size point_ns 20\nsize io_points 50\nsize stuck 0\n");
  place.write("bad.orry", head + "at nobody 1 preempt nothing\n");
  place.write("empty.orry", "");
  place.write("cut.orry", "orrery-tape 2\nscenario canary\n");
  place.write("renamed.orry", "orrery-tape 1\nscenario pointer-canary\n");
  REQUIRE(place.shell("mkfifo pipe; ln -s ring ring; mkdir many-session").code == 0);
  make_socket(place.path() + "/desk/socket");
  place.write("other.orry", "orrery-tape 1\nscenario canry\n");
  place.write("size.orry", head + "size point_ns 20\nsize io_points 99999999999\nsize stuck 0\n");
  const size_t before = place.files();
  for (const Row& row : kBadInput) {
    INFO(row.words);
    const Ended ended = place.run(row.words);
    CHECK(ended.code == 2);
    CHECK(ended.out.empty());
    CHECK_THAT(ended.err, ContainsSubstring(row.message));
    if (row.message[0] != '\0') {
      CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
      CHECK(ended.err.starts_with("orrery: "));
    }
    CHECK(place.files() == before);
  }
}

}  // namespace orrery::cli
