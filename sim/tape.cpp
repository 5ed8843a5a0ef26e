// SPDX-License-Identifier: Apache-2.0
#include "sim/tape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <string>
#include <tuple>

namespace orrery::sim {
namespace {

constexpr std::string_view kFirstLine = "orrery-tape 2";
constexpr std::string_view kFirstLineOfOld = "orrery-tape 1";  // such a tape need not say "end"
constexpr size_t kTapeMax = size_t{64} << 20;                  // bytes
constexpr const char* kActorForm = "an actor is label/number#repeat@incarnation";

bool is_control(char c);
std::string_view next_word(std::string_view& line);
bool parse_number(std::string_view text, uint64_t& value);
bool parse_number(std::string_view text, int64_t& value);
bool parse_actor(std::string_view text, OwnedActor& actor);
std::optional<Ask> parse_ask(std::string_view text);
std::string all_asks();
std::string parse_deviation(std::string_view rest, Deviation& deviation);
std::string parse_line(std::string_view line, Tape& tape);

// What was already said: each thing may be said once, or it would not be clear which one counts.
class Said {
 public:
  bool twice(std::string_view word, std::string_view name);
  bool twice(const Deviated& deviation);

 private:
  std::set<std::string> words_;
  std::set<std::tuple<uint64_t, Ask, uint64_t>> choices_;
};
std::string find_repetition(std::string_view line, const Tape& read, Said& said);

}  // namespace

std::string OwnedActor::text() const {
  return fmt::format("{}/{}#{}@{}", label, number, repeat, incarnation);
}

Deviated Deviation::deviated() const {
  return {actor.key(), ask, occurrence, names_task() ? task.key() : value};
}

std::string Deviation::text() const {
  return fmt::format("{} {} {} {}", actor.text(), occurrence, name_of(ask),
                     names_task() ? task.text() : std::to_string(value));
}

std::vector<Deviated> deviated(const std::vector<Deviation>& deviations) {
  std::vector<Deviated> all;
  all.reserve(deviations.size());
  for (const Deviation& deviation : deviations) all.push_back(deviation.deviated());
  return all;
}

std::vector<Deviation> deviations_of(const std::vector<Taken>& taken) {
  const auto own = [](const ActorId& id) {
    return OwnedActor{id.name.label, id.name.number, id.repeat, id.incarnation};
  };
  std::vector<Deviation> all;
  all.reserve(taken.size());
  for (const Taken& one : taken) {
    Deviation deviation{own(one.at.actor), one.at.ask, one.at.occurrence, 0, {}};
    if (deviation.names_task()) {
      deviation.task = own(one.task);
    } else {
      deviation.value = one.value;
    }
    all.push_back(std::move(deviation));
  }
  return all;
}

std::string print_tape(const Tape& tape,
                       const std::function<std::string(const Deviation&)>& remark) {
  std::string text = fmt::format("{}\nscenario {}\n", kFirstLine, tape.scenario);
  if (!tape.revision.empty()) text += fmt::format("revision {}\n", tape.revision);
  if (tape.seed) text += fmt::format("seed 0x{:016x}\n", *tape.seed);
  for (const Size& size : tape.sizes) text += fmt::format("size {} {}\n", size.name, size.value);
  for (const std::string& bug : tape.bugs) text += fmt::format("bug {}\n", bug);
  for (const std::string& fault : tape.faults) text += fmt::format("fault {}\n", fault);
  for (const Deviation& one : tape.deviations) {
    text += fmt::format("at {}\n", one.text());
    const std::string more = remark ? remark(one) : std::string();
    if (!more.empty()) text += fmt::format("# {}\n", more);
  }
  return text + "end\n";
}

std::optional<TapeError> parse_tape(std::string_view text, Tape& tape) {
  if (text.size() > kTapeMax) return TapeError{1, "longer than a tape may be (64 MiB)"};
  Tape read;
  Said said;
  bool is_old = false;
  bool ended = false;
  size_t number = 1;
  for (; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (number == 1) {
      is_old = line == kFirstLineOfOld;
      if (is_old || line == kFirstLine) continue;
      return TapeError{1, fmt::format("a tape begins with the line \"{}\"", kFirstLine)};
    }
    if (line.empty() || line.front() == '#') continue;
    // A name that ends in one would be printed and not be read again.
    if (std::any_of(line.begin(), line.end(), is_control)) {
      return TapeError{number,
                       "a control character stands in the line; words are parted by blanks"};
    }
    if (ended) return TapeError{number, fmt::format("\"{}\" stands behind the end", line)};
    std::string_view rest = line;
    ended = next_word(rest) == "end" && rest.empty();
    if (ended) continue;
    std::string wrong = parse_line(line, read);
    if (wrong.empty()) wrong = find_repetition(line, read, said);
    if (!wrong.empty()) return TapeError{number, std::move(wrong)};
  }
  if (!ended && !is_old) {
    return TapeError{std::max<size_t>(number, 2) - 1,
                     "cut off here: a tape ends with the line \"end\""};
  }
  if (read.scenario.empty()) {
    return TapeError{1, "no scenario is named; a line \"scenario NAME\" is missing"};
  }
  tape = std::move(read);
  return std::nullopt;
}

namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

bool Said::twice(std::string_view word, std::string_view name) {
  return !words_.insert(std::string(word) + " " + std::string(name)).second;
}

bool Said::twice(const Deviated& deviation) {
  return !choices_.insert({deviation.key, deviation.ask, deviation.occurrence}).second;
}

// The line was read, and ends up last in `read`.
std::string find_repetition(std::string_view line, const Tape& read, Said& said) {
  const std::string_view word = next_word(line);
  if (word == "at") {
    if (!said.twice(read.deviations.back().deviated())) return {};
    return "this choice was answered in an earlier line; each has one answer";
  }
  const std::string_view name = next_word(line);
  const bool has_name = word == "size" || word == "bug" || word == "fault";
  if (!said.twice(word, has_name ? name : std::string_view())) return {};
  if (has_name) return fmt::format("{} {} stands in an earlier line; once is enough", word, name);
  return fmt::format("a second \"{}\"; a tape has one", word);
}

std::string parse_line(std::string_view line, Tape& tape) {
  const std::string_view word = next_word(line);
  if (word == "at") {
    Deviation deviation;
    std::string wrong = parse_deviation(line, deviation);
    if (wrong.empty()) tape.deviations.push_back(std::move(deviation));
    return wrong;
  }
  const std::string_view name = next_word(line);
  if (name.empty()) return fmt::format("\"{}\" wants a value behind it", word);
  if (word == "size") {
    int64_t value = 0;
    if (!parse_number(next_word(line), value)) {
      return fmt::format("size {} wants a whole number behind it", name);
    }
    tape.sizes.push_back({std::string(name), value});
  } else if (word == "scenario") {
    tape.scenario = name;
  } else if (word == "revision") {
    tape.revision = name;
  } else if (word == "bug") {
    tape.bugs.emplace_back(name);
  } else if (word == "fault") {
    tape.faults.emplace_back(name);
  } else if (word == "seed") {
    uint64_t seed = 0;
    if (!parse_number(name, seed))
      return "a seed is a decimal number, or 0x and up to 16 hexadecimal digits";
    tape.seed = seed;
  } else {
    return fmt::format(
        "\"{}\" is not known; a line starts with scenario, revision, seed, size, bug, fault, at or "
        "end",
        word);
  }
  if (!line.empty()) return fmt::format("\"{}\" stands behind the end of the line", line);
  return {};
}

std::string parse_deviation(std::string_view rest, Deviation& deviation) {
  const std::string_view actor = next_word(rest);
  if (!parse_actor(actor, deviation.actor)) {
    return fmt::format("\"{}\" is no actor; {}", actor, kActorForm);
  }
  const std::string_view occurrence = next_word(rest);
  if (!parse_number(occurrence, deviation.occurrence)) {
    return fmt::format("\"{}\" is no occurrence; a whole number follows the actor", occurrence);
  }
  const std::string_view ask = next_word(rest);
  const std::optional<Ask> known = parse_ask(ask);
  if (!known) {
    return fmt::format("\"{}\" is no kind of choice; {} are", ask, all_asks());
  }
  deviation.ask = *known;
  const std::string_view value = next_word(rest);
  if (deviation.names_task()) {
    if (!parse_actor(value, deviation.task)) {
      return fmt::format("\"{}\" is no task; {}", value, kActorForm);
    }
  } else if (!parse_number(value, deviation.value) || deviation.value == 0) {
    return fmt::format("\"{}\" is no answer; a deviation is a number from 1", value);
  }
  if (!rest.empty()) return fmt::format("\"{}\" stands behind the end of the line", rest);
  return {};
}

std::string_view next_word(std::string_view& line) {
  const size_t start = std::min(line.find_first_not_of(' '), line.size());
  line.remove_prefix(start);
  const size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return word;
}

bool parse_number(std::string_view text, uint64_t& value) {
  int base = 10;
  if (text.starts_with("0x")) {
    text.remove_prefix(2);
    base = 16;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse_number(std::string_view text, int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse_actor(std::string_view text, OwnedActor& actor) {
  // From the end: a label may hold slashes.
  const size_t at = text.rfind('@');
  if (at == std::string_view::npos) return false;
  const size_t hash = text.rfind('#', at);
  if (hash == std::string_view::npos) return false;
  const size_t slash = text.rfind('/', hash);
  if (slash == std::string_view::npos || slash == 0) return false;
  uint64_t repeat = 0;
  uint64_t incarnation = 0;
  if (!parse_number(text.substr(slash + 1, hash - slash - 1), actor.number) ||
      !parse_number(text.substr(hash + 1, at - hash - 1), repeat) ||
      !parse_number(text.substr(at + 1), incarnation) || repeat > UINT32_MAX ||
      incarnation > UINT32_MAX) {
    return false;
  }
  actor.label = text.substr(0, slash);
  actor.repeat = static_cast<uint32_t>(repeat);
  actor.incarnation = static_cast<uint32_t>(incarnation);
  return true;
}

std::optional<Ask> parse_ask(std::string_view text) {
  for (int i = 0; i < kAskCount; ++i) {
    if (text == name_of(static_cast<Ask>(i))) return static_cast<Ask>(i);
  }
  return std::nullopt;
}

std::string all_asks() {
  std::string all = name_of(static_cast<Ask>(0));
  for (int i = 1; i < kAskCount; ++i) {
    all += i + 1 < kAskCount ? ", " : " and ";
    all += name_of(static_cast<Ask>(i));
  }
  return all;
}

}  // namespace
}  // namespace orrery::sim
