// SPDX-License-Identifier: Apache-2.0
// What a campaign says of itself while it goes on: plain whole lines for a log, and one line that
// is drawn anew on a terminal.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <optional>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cli/hunt.hpp"
#include "cli/terminal.hpp"
#include "scenarios/run.hpp"
#include "tests/catch.hpp"
#include "tests/fuzz/players.hpp"  // made-up runs

namespace orrery::cli {
namespace {

/// Another file in the place of standard error, by which a campaign knows whether it talks to a
/// terminal.
class Stderr {
 public:
  explicit Stderr(int file) : kept_(dup(STDERR_FILENO)) {
    REQUIRE(file >= 0);
    REQUIRE(kept_ >= 0);
    dup2(file, STDERR_FILENO);
    close(file);
  }
  ~Stderr() {
    dup2(kept_, STDERR_FILENO);
    close(kept_);
  }
  Stderr(const Stderr&) = delete;
  Stderr& operator=(const Stderr&) = delete;

 private:
  int kept_;
};

int no_terminal() { return open("/dev/null", O_WRONLY | O_CLOEXEC); }

/// The far end of it, while the near one is open.
class Terminal {
 public:
  Terminal() : near_(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    if (!is_there()) return;
    REQUIRE(grantpt(near_) == 0);
    REQUIRE(unlockpt(near_) == 0);
  }
  ~Terminal() {
    if (is_there()) close(near_);
  }
  bool is_there() const { return near_ >= 0; }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  int far() const { return open(ptsname(near_), O_RDWR | O_NOCTTY | O_CLOEXEC); }
  void is_wide(unsigned short columns) const {
    const winsize size{24, columns, 0, 0};
    REQUIRE(ioctl(near_, TIOCSWINSZ, &size) == 0);
  }

 private:
  int near_;
};

/// What kind of terminal it is. Null: nobody says so.
class Term {
 public:
  explicit Term(const char* kind) {
    if (const char* const before = getenv("TERM")) before_ = before;
    set(kind);
  }
  ~Term() { set(before_ ? before_->c_str() : nullptr); }
  Term(const Term&) = delete;
  Term& operator=(const Term&) = delete;

 private:
  static void set(const char* kind) {
    if (kind != nullptr) setenv("TERM", kind, 1);
    if (kind == nullptr) unsetenv("TERM");
  }
  std::optional<std::string> before_;
};

Hunted hunted_at(double plain_every_s) {
  Hunted hunted;
  hunted.scenario = scenarios::find_scenario("many-sessions");
  hunted.colour = "never";
  hunted.plain_every_s = plain_every_s;
  return hunted;
}

/// What a campaign says besides its results, and how it ended.
std::pair<std::string, int> said(const Hunted& hunted, const fuzz::CampaignOrder& order) {
  std::ostringstream out;
  std::ostringstream err;
  const Invocation invocation{{}, "orrery", "orrery", out, err};
  const int code = hunt(invocation, hunted, order);
  return {err.str(), code};
}

std::vector<std::string> lines_in(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream all(text);
  for (std::string line; std::getline(all, line);) lines.push_back(line);
  return lines;
}

size_t count_of_lines(const std::string& text, const std::string& form) {
  size_t count = 0;
  for (const std::string& line : lines_in(text)) {
    if (std::regex_match(line, std::regex(form))) ++count;
  }
  return count;
}

fuzz::CampaignOrder some_runs() {
  return fuzz::order_of(20, 1, [](reports::RunRow& row) {
    if (row.index % 4 == 3) row.verdict = scenarios::Verdict::inconclusive;
  });
}

constexpr const char* kOfRuns =
    R"(\d+ %  [\d,]+/20  \d+/s  ok \d+  failed 0  inconclusive \d+  eta \d+ s)";
constexpr const char* kOfTime = R"(\d+ s of 0  [\d,]+ runs  \d+/s  failed 0  inconclusive \d+)";

}  // namespace

TEST_CASE("where there is no terminal a campaign tells in plain whole lines how far it is") {
  const Stderr quiet(no_terminal());
  const auto [text, code] = said(hunted_at(0), some_runs());
  INFO(text);
  REQUIRE(code == 4);
  REQUIRE(count_of_lines(text, kOfRuns) >= 1);
  REQUIRE(count_of_lines(text,
                         R"(100 %  20/20  \d+/s  ok 15  failed 0  inconclusive 5  eta 0 s)") >= 1);
  // Nothing but these below the two lines of the beginning.
  REQUIRE(lines_in(text).size() == 2 + count_of_lines(text, kOfRuns));
  REQUIRE(text.back() == '\n');
  REQUIRE(text.find_first_of("\r\033") == std::string::npos);
}

TEST_CASE("a campaign that is limited by time tells how much of it is over") {
  const Stderr quiet(no_terminal());
  fuzz::CampaignOrder order = some_runs();
  order.runs_max = UINT64_MAX;
  order.time_max_ms = 1;
  const auto [text, code] = said(hunted_at(0), order);
  INFO(text);
  REQUIRE(count_of_lines(text, kOfTime) >= 1);
  REQUIRE(lines_in(text).size() == 2 + count_of_lines(text, kOfTime));
}

TEST_CASE("on a terminal one line is drawn anew, and is gone in the end") {
  const Terminal terminal;
  if (!terminal.is_there()) {
    WARN("not tried: there are no terminals here");
    return;
  }
  const Stderr shown(terminal.far());
  const Term term("xterm");
  fuzz::CampaignOrder order = some_runs();
  order.runs_max = UINT64_MAX;
  order.time_max_ms = 300;  // later than a line is due: the last look at the clock shows one
  const auto [text, code] = said(hunted_at(kPlainSeconds), order);
  INFO(text);
  REQUIRE(std::regex_search(text, std::regex(R"(\r\x1b\[K\d+ s of 0  )")));
  const std::string again = "\r\033[K";
  REQUIRE(lines_in(text).size() == 3);  // the third of which has no end
  REQUIRE(text.substr(text.size() - again.size()) == again);
}

TEST_CASE("a quiet campaign says nothing of how far it is") {
  const Stderr quiet(no_terminal());
  Hunted hunted = hunted_at(0);
  hunted.quiet = true;
  REQUIRE(said(hunted, some_runs()).first.empty());
}

TEST_CASE("where there is no terminal a line comes every 30 seconds") {
  const Stderr quiet(no_terminal());
  std::ostringstream err;
  ProgressLine line(err, false);
  line.show(29.9, "early");
  REQUIRE(err.str().empty());
  REQUIRE(line.is_due(30));
  line.show(31, "first");
  line.show(60.9, "early");
  line.show(61, "second");
  line.clear();
  REQUIRE(err.str() == "first\nsecond\n");
}

TEST_CASE("a line that is drawn anew fits the terminal, however wide that is by now") {
  const Terminal terminal;
  if (!terminal.is_there()) {
    WARN("not tried: there are no terminals here");
    return;
  }
  const Stderr shown(terminal.far());
  const Term term("xterm");
  const std::string text(300, 'x');
  double now = 0;
  const auto drawn = [&](ProgressLine& line, std::ostringstream& err) {
    err.str("");
    line.show(now += 1, text);
    REQUIRE(err.str().starts_with("\r\033[K"));
    return err.str().size() - 4;
  };
  std::ostringstream err;
  ProgressLine line(err, false);
  // One less: some terminals begin another line as soon as the last column is filled.
  CHECK(drawn(line, err) == 79);  // it does not say how wide it is
  terminal.is_wide(40);
  CHECK(drawn(line, err) == 39);
  terminal.is_wide(132);
  CHECK(drawn(line, err) == 131);
  terminal.is_wide(1);
  CHECK(drawn(line, err) == 0);
  terminal.is_wide(1000);
  CHECK(drawn(line, err) == 300);
}

TEST_CASE("a terminal that draws nothing anew gets plain whole lines") {
  const Terminal terminal;
  if (!terminal.is_there()) {
    WARN("not tried: there are no terminals here");
    return;
  }
  const Stderr shown(terminal.far());
  for (const char* const kind : {"dumb", "", static_cast<const char*>(nullptr)}) {
    const Term term(kind);
    std::ostringstream err;
    ProgressLine line(err, false);
    line.show(29.9, "early");
    line.show(31, "first");
    line.clear();
    CHECK(err.str() == "first\n");
  }
}

}  // namespace orrery::cli
