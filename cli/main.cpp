// SPDX-License-Identifier: Apache-2.0
// orrery: finds, replays, shrinks and tells failures of storage engines. The table of verbs.
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <iostream>

#include "cli/build.hpp"
#include "cli/verb.hpp"
#include "fuzz/out_of_memory.hpp"
#include "scenarios/run.hpp"

namespace orrery::cli {
namespace {

struct Verb {
  const char* name;
  const char* words;
  const char* sentence;
  int (*run)(const Invocation&);
  bool plays = true;  // needs a machine on which a world can be made
};

constexpr auto kVerbs = std::to_array<Verb>({
    {"run", "SCENARIO [-n N | --time T] [-s SEED [--from K]] [-j N] [--bug ID] [--junit FILE]",
     "play many seeds and find the first that fails", &run_run},
    {"replay", "SCENARIO SEED | FILE", "play one run again and tell its story", &run_replay},
    {"shrink", "SCENARIO SEED | FILE", "find the few decisions that a failure needs", &run_shrink},
    {"fuzz", "TARGET [--time T] [--bug ID] [-- libFuzzer's options]",
     "let libFuzzer search, and turn what it finds into tapes", &run_fuzz},
    {"list", "[scenarios|bugs|faults|oracles|reports|fuzz-targets|sizes SCENARIO]", "what there is",
     &run_list, false},
    {"doctor", "", "whether this machine is fit", &run_doctor, false},
});

constexpr const char* kExamples = R"(examples
  orrery run snapshot-full-cache -n 1000 --bug garnet-385     find it
  orrery replay snapshot-full-cache 0x9f3c21d07be4a5f1        see it again, as a story
  orrery shrink orrery-out/snapshot-full-cache-0x9f3c21d07be4a5f1.orry -o small.orry
  orrery replay small.orry --trace
)";

void print_help(std::ostream& out) {
  out << fmt::format("{}\nverbs\n", kExamples);
  for (const Verb& verb : kVerbs) {
    const char* const blank = *verb.words == '\0' ? "" : " ";
    out << fmt::format("  orrery {}{}{}\n      {}\n", verb.name, blank, verb.words, verb.sentence);
  }
  out << "\norrery VERB --help tells the options, orrery --version what this binary is.\n"
         "exit codes: 0 nothing violated, 1 found or reproduced, 2 wrong usage, 3 nondeterminism,\n"
         "  4 inconclusive, or the tape does not fit this build, 5 the harness failed, 6 goal not "
         "met,\n"
         "  75 stopped early, also if runs had failed by then: those are told, and the command "
         "that "
         "goes\n"
         "  on counts its own part alone; 130 ended at once by a second Ctrl-C\n";
}

// The path of this binary, for the fresh processes that confirm a failure.
std::string own_path(const char* called) {
  std::array<char, 4096> path{};
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size() - 1);
  return size > 0 ? std::string(path.data(), static_cast<size_t>(size)) : std::string(called);
}

int unknown_verb(const Invocation& invocation, const std::string& word) {
  std::vector<std::string> known;
  for (const Verb& verb : kVerbs) known.emplace_back(verb.name);
  return usage_error(invocation, fmt::format("verb \"{}\" is not known; did you mean \"{}\"?", word,
                                             scenarios::nearest(word, known)));
}

int main_of(int count, char** words) {
  Invocation invocation{{}, own_path(words[0]), shell_word(words[0]), std::cout, std::cerr};
  for (int i = 2; i < count; ++i) invocation.arguments.emplace_back(words[i]);
  const std::string first = count > 1 ? words[1] : "";
  if (first.empty()) {
    print_help(std::cerr);
    return kUsage;
  }
  if (first == "--version") {
    std::cout << version_text() << '\n';
    return kOk;
  }
  if (first == "--help" || first == "-h" || first == "help") {
    print_help(std::cout);
    return kOk;
  }
  for (const Verb& verb : kVerbs) {
    if (first != verb.name) continue;
    const std::string unfit = verb.plays ? sim::World::unfit_machine() : std::string();
    if (unfit.empty()) return verb.run(invocation);
    invocation.err << fmt::format("orrery: {}\n", unfit);
    return kHarness;
  }
  return unknown_verb(invocation, first);
}

// Whoever starts us without them must not find them in files of ours: what is opened next would
// take their numbers. Nothing can be written to what stands there instead, and that is told.
void fill_standard_files() {
  for (int file = STDIN_FILENO; file <= STDERR_FILENO; ++file) {
    if (fcntl(file, F_GETFD) < 0 && errno == EBADF) (void)open("/dev/null", O_RDONLY);
  }
}

}  // namespace
}  // namespace orrery::cli

int main(int count, char** words) {
  orrery::cli::fill_standard_files();
  // A reader that went away (`| head`) must not look like a crash of the engine.
  signal(SIGPIPE, SIG_DFL);
  // Whoever ignores the ends of children passes that on, and then nobody hears how ours end.
  signal(SIGCHLD, SIG_DFL);
  // Writing beyond `ulimit -f` is an error like a full disk, not the end.
  signal(SIGXFSZ, SIG_IGN);
  orrery::fuzz::end_without_memory();
  const int code = orrery::cli::main_of(count, words);
  std::cout.flush();
  // A result that could not be written is no result.
  if (std::cout.good()) return code;
  if (code != orrery::cli::kHarness) {
    std::cerr << "orrery: the result could not be written to the standard output\n";
  }
  return orrery::cli::kHarness;
}
