// SPDX-License-Identifier: Apache-2.0
#include "reports/words.hpp"

#include <fmt/format.h>

#include <fstream>
#include <string_view>

#include "engine/store/events.hpp"

namespace orrery::reports {
namespace {

std::string with_commas(std::string digits);
const char* world_kind(uint16_t kind);
size_t parameters_of(std::string_view signature);

}  // namespace

std::string grouped(uint64_t value) { return with_commas(std::to_string(value)); }

std::string grouped(int64_t value) {
  if (value >= 0) return grouped(static_cast<uint64_t>(value));
  return "-" + grouped(uint64_t{0} - static_cast<uint64_t>(value));
}

std::string virtual_time(int64_t ns) {
  return fmt::format("{}.{:03} us", grouped(ns / 1000), ns % 1000);
}

std::string ordinal(uint64_t number) {
  const char* ending = "th";
  if (number % 100 < 11 || number % 100 > 13) {
    if (number % 10 == 1) ending = "st";
    if (number % 10 == 2) ending = "nd";
    if (number % 10 == 3) ending = "rd";
  }
  return grouped(number) + ending;
}

std::string counted(uint64_t count, const char* what) {
  return fmt::format("{} {}{}", grouped(count), what, count == 1 ? "" : "s");
}

std::string hex64(uint64_t value) { return fmt::format("0x{:016x}", value); }

std::string name_of(const sim::ActorId& id) {
  std::string text = fmt::format("{}/{}", id.name.label, id.name.number);
  if (id.repeat != 0) text += fmt::format("#{}", id.repeat);
  if (id.incarnation != 0) text += fmt::format("@{}", id.incarnation);
  return text;
}

std::string name_of_task(const sim::Trace& trace, uint32_t task) {
  if (task >= trace.tasks.size()) return "the world";
  return name_of(trace.tasks[task].name);
}

std::string short_name_of_task(const sim::Trace& trace, uint32_t task) {
  const std::string name = name_of_task(trace, task);
  const size_t device = name.find(':');
  if (device == std::string::npos) return name;
  return name.substr(0, device) + name.substr(name.rfind('/'));
}

std::string device_of_task(const sim::Trace& trace, uint32_t task) {
  const std::string name = name_of_task(trace, task);
  const size_t label = name.find(':');
  if (label == std::string::npos) return {};
  const std::string device = name.substr(label + 1, name.rfind('/') - label - 1);
  return device.substr(device.rfind('/') + 1);
}

std::string_view kind_text(uint16_t kind) {
  const std::string_view of_engine = engine::events::name_of(kind);
  return of_engine.empty() ? std::string_view(world_kind(kind)) : of_engine;
}

bool is_known(const sim::Site& site) { return site.line() != 0; }

std::string file_of(const sim::Site& site) {
  std::string_view file = site.file_name();
  while (file.starts_with("../")) file.remove_prefix(3);
  return std::string(file);
}

std::string place_of(const sim::Site& site) {
  return fmt::format("{}:{}", file_of(site), site.line());
}

std::string function_of(const sim::Site& site) {
  std::string_view text = site.function_name();
  text = text.substr(0, parameters_of(text));
  // Everything up to the last blank outside brackets is the return type.
  int depth = 0;
  for (size_t i = text.size(); i-- > 0;) {
    if (text[i] == '>' || text[i] == ')') ++depth;
    if (text[i] == '<' || text[i] == '(') --depth;
    if (depth == 0 && (text[i] == ' ' || text[i] == '*' || text[i] == '&')) {
      text.remove_prefix(i + 1);
      break;
    }
  }
  for (const std::string_view space : {"orrery::", "engine::", "scenarios::", "sim::", "reports::",
                                       "{anonymous}::", "(anonymous namespace)::"}) {
    if (text.starts_with(space)) text.remove_prefix(space.size());
  }
  return std::string(text);
}

std::string place_and_function(const sim::Site& site) {
  const std::string function = function_of(site);
  return function.empty() ? place_of(site) : fmt::format("{} ({})", place_of(site), function);
}

std::string source_line(const sim::Site& site) {
  if (!is_known(site)) return {};
  std::ifstream file(std::string(source_root()) + "/" + file_of(site));
  std::string line;
  for (uint32_t number = 0; number < site.line(); ++number) {
    if (!std::getline(file, line)) return {};
  }
  const size_t start = line.find_first_not_of(' ');
  return start == std::string::npos ? std::string() : line.substr(start);
}

namespace {

std::string with_commas(std::string digits) {
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

// Where the parameters of a function begin, in the words of either compiler.
size_t parameters_of(std::string_view signature) {
  int depth = 0;
  for (size_t i = 0; i < signature.size(); ++i) {
    if (signature[i] == '<') ++depth;
    if (signature[i] == '>') --depth;
    if (signature[i] != '(' || depth != 0) continue;
    // clang names an unnamed namespace in parentheses.
    if (signature.substr(i).starts_with("(anonymous namespace)")) {
      i += std::string_view("(anonymous namespace)").size() - 1;
      continue;
    }
    return i;
  }
  return signature.size();
}

const char* world_kind(uint16_t kind) {
  switch (static_cast<sim::Kind>(kind)) {
    case sim::Kind::task_spawned: return "task-spawned";
    case sim::Kind::task_ended: return "task-ended";
    case sim::Kind::task_switched: return "task-switched";
    case sim::Kind::frame_acquired: return "frame-acquired";
    case sim::Kind::frame_retired: return "frame-retired";
    case sim::Kind::io_submitted: return "io-submitted";
    case sim::Kind::io_transferred: return "io-transferred";
    case sim::Kind::io_completed: return "io-completed";
    case sim::Kind::io_synced: return "io-synced";
    case sim::Kind::allocation_failed: return "allocation-failed";
    case sim::Kind::name_failed: return "name-failed";
    case sim::Kind::crashed: return "crashed";
    case sim::Kind::decayed: return "decayed";
    case sim::Kind::point: return "point";
  }
  return "event";
}

}  // namespace
}  // namespace orrery::reports
