// SPDX-License-Identifier: Apache-2.0
#include "cli/options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "scenarios/run.hpp"

namespace orrery::cli {

struct Options::State {
  std::string verb;
  std::string examples;
  CLI::App app;
  // CLI11 writes into these; a value that was never given stays absent.
  std::vector<std::pair<CLI::Option*, std::optional<std::string>*>> values;
};

Options::Options(const char* verb, const char* sentence, const char* examples)
    : state_(std::make_unique<State>()) {
  state_->verb = verb;
  state_->examples = examples;
  state_->app.name(std::string("orrery ") + verb);
  state_->app.description(sentence);
  state_->app.allow_extras();
}

Options::~Options() = default;

void Options::word(const char* name, std::string& value, const char* sentence) {
  state_->app.add_option(name, value, sentence)->type_name("");
}

void Options::flag(const char* names, bool& value, const char* sentence) {
  state_->app.add_flag(names, value, sentence);
}

void Options::value(const char* names, const char* what, std::optional<std::string>& value,
                    const char* sentence) {
  CLI::Option* const option = state_->app.add_option(names);
  option->description(sentence)->type_name(what)->expected(1);
  option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);  // who gives two is told below
  state_->values.emplace_back(option, &value);
}

void Options::values(const char* names, const char* what, std::vector<std::string>& values,
                     const char* sentence) {
  state_->app.add_option(names, values, sentence)->type_name(what)->allow_extra_args(false);
}

std::optional<int> Options::parse(const Invocation& invocation) {
  std::vector<std::string> backwards(invocation.arguments.rbegin(), invocation.arguments.rend());
  // The exceptions of CLI11 end here.
  try {
    state_->app.parse(backwards);
  } catch (const CLI::CallForHelp&) {
    invocation.out << fmt::format("{}\n{}", state_->examples, state_->app.help());
    return kOk;
  } catch (const CLI::ParseError& error) {
    std::string text = error.what();
    text = text.substr(0, text.find('\n'));
    return usage_error(invocation, text);
  }
  const std::string wrong = mistake();
  if (!wrong.empty()) return usage_error(invocation, wrong);
  for (const auto& [option, value] : state_->values) {
    if (option->count() > 1) {
      const std::string twice = option->get_name(false, true);
      return usage_error(invocation, fmt::format("option {} is given {} times; once is enough",
                                                 twice.substr(twice.find("--")), option->count()));
    }
    if (option->count() > 0) *value = option->as<std::string>();
  }
  return std::nullopt;
}

// What is left over when all options and words are taken.
std::string Options::mistake() const {
  const std::vector<std::string> left = state_->app.remaining();
  if (left.empty()) return {};
  const std::string& word = left.front();
  if (!word.starts_with('-')) {
    return fmt::format("\"{}\" is one word too many; orrery {} --help shows the usage", word,
                       state_->verb);
  }
  std::vector<std::string> known;
  for (const CLI::Option* option : state_->app.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    for (const std::string& name : option->get_snames()) known.push_back("-" + name);
  }
  const std::string name = word.substr(0, word.find('='));
  return fmt::format("option \"{}\" is not known to orrery {}; did you mean \"{}\"?", name,
                     state_->verb, scenarios::nearest(name, known));
}

}  // namespace orrery::cli
