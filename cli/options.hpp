// SPDX-License-Identifier: Apache-2.0
// The options of one verb, and the help that is made from them. Wraps CLI11, which nothing else
// here includes: it takes seconds to compile, and its messages are not ours.
//
// Every value is taken as text; the verb reads it, so that what is wrong with it is said in the
// words of the verb.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/verb.hpp"

namespace orrery::cli {

class Options {
 public:
  /// `examples` stand first in the help, one a line.
  Options(const char* verb, const char* sentence, const char* examples);
  ~Options();
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;

  void word(const char* name, std::string& value, const char* sentence);
  void flag(const char* names, bool& value, const char* sentence);
  void value(const char* names, const char* what, std::optional<std::string>& value,
             const char* sentence);
  /// May be given more than once.
  void values(const char* names, const char* what, std::vector<std::string>& values,
              const char* sentence);

  /// Nothing: go on. An exit code: the verb is done, by --help or by a mistake.
  std::optional<int> parse(const Invocation& invocation);

 private:
  struct State;
  std::string mistake() const;
  std::unique_ptr<State> state_;
};

}  // namespace orrery::cli
