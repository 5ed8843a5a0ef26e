// SPDX-License-Identifier: Apache-2.0
// A folder for one test of the command line, in which the binary is run. $ORRERY names the binary.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/catch.hpp"

namespace orrery::cli {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Catch::Matchers::ContainsSubstring;

struct Ended {
  int code = -1;
  std::string out;
  std::string err;
};

inline std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

/// A folder for one test, removed at its end.
class Place {
 public:
  Place() : path_((fs::temp_directory_path() / "orrery-cli-XXXXXX").string()) {
    REQUIRE(mkdtemp(path_.data()) != nullptr);
    fs::create_directory(path_ + "/desk");
    const char* const named = std::getenv("ORRERY");
    binary_ = fs::absolute(named != nullptr ? named : "build/release/cli/orrery").string();
    REQUIRE(fs::exists(binary_));
  }
  ~Place() { fs::remove_all(path_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  Ended run(const std::string& words, const std::string& before = "") const {
    return ended(before + " " + binary_ + " " + words);
  }
  /// Runs a script, in which $ORRERY is the binary.
  Ended shell(const std::string& script) const {
    std::ofstream(path_ + "/script") << script;
    return ended("ORRERY=" + binary_ + " bash " + path_ + "/script");
  }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ + "/desk/" + name, std::ios::binary) << content;
  }
  std::string read(const std::string& name) const { return content_of(path_ + "/desk/" + name); }
  const std::string& path() const { return path_; }
  const std::string& binary() const { return binary_; }
  size_t files() const {
    size_t count = 0;
    std::error_code ignored;  // of a ring of links
    for (const auto& entry : fs::recursive_directory_iterator(path_ + "/desk")) {
      if (entry.is_regular_file(ignored)) ++count;
    }
    return count;
  }

 private:
  Ended ended(const std::string& command) const {
    const std::string all = "cd " + path_ + "/desk && " + command + " > " + path_ + "/out 2> " +
                            path_ + "/err < /dev/null";
    const int status = std::system(all.c_str());
    Ended ended;
    ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    ended.out = content_of(path_ + "/out");
    ended.err = content_of(path_ + "/err");
    return ended;
  }

  std::string path_;
  std::string binary_;
};

inline std::vector<Json> lines_of(const std::string& text) {
  std::vector<Json> all;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) all.push_back(Json::parse(line));
  return all;
}

/// What scripts wait with, not for ever: then $campaign is killed, and the script ends with 99.
/// find_child waits for a child of $campaign whose verb is the word that is given: $child.
/// wait_until waits for what the words that follow say. Before a child becomes a fresh process it
/// passes for a worker, which has the words of its campaign: where there may be both, ask for no
/// check of determinism.
inline const std::string kChildren = R"(
    give_up() { kill -9 $campaign 2> /dev/null; exit 99; }
    find_child() {
      local one words until=$((SECONDS + 30))
      child=
      while [[ -z $child ]] && ((SECONDS < until)); do
        for one in $(< /proc/$campaign/task/$campaign/children); do
          mapfile -d '' words < /proc/$one/cmdline
          [[ ${words[1]} == "$1" ]] && child=$one
        done
      done 2> /dev/null
      [[ -n $child ]] || { echo "no child plays $1" >&2; give_up; }
    }
    wait_until() {
      local until=$((SECONDS + 60))
      until "$@" 2> /dev/null; do
        ((SECONDS < until)) || { echo "never: $*" >&2; give_up; }
        sleep 0.05
      done
    }
    has_rows() { (($(wc -l < ../out) > 10)); }
    has_said_the_way_on() { grep -q 'then go on with:  ' ../err; }
    # A process has a handler for a signal.
    catches() {
      local mask=$(sed -n 's/^SigCgt:\t/0x/p' /proc/$2/status)
      ((mask >> ($(kill -l $1) - 1) & 1))
    }
    # In the midst of a long run: it has used 0.2 s of a processor.
    is_at_work() { (($(cut -d ' ' -f 14 /proc/$1/stat || echo 0) > 20)); }
)";

/// The rows of --json without the line that sums up.
inline std::vector<Json> rows_of(const std::string& text) {
  std::vector<Json> rows = lines_of(text);
  rows.erase(std::remove_if(rows.begin(), rows.end(),
                            [](const Json& row) { return row["schema"] != "orrery-run/1"; }),
             rows.end());
  return rows;
}

/// The rest of the line behind `what`.
inline std::string behind(const std::string& text, const std::string& what) {
  const size_t at = text.find(what);
  if (at == std::string::npos) return {};
  const size_t from = at + what.size();
  return text.substr(from, text.find('\n', from) - from);
}

inline void require_schema(const Place& place, const std::string& name, const std::string& schema) {
  const std::string command = "xmllint --noout --schema " + schema + " " + place.path() + "/desk/" +
                              name + " > " + place.path() + "/xmllint 2>&1";
  const int status = std::system(command.c_str());
  INFO(content_of(place.path() + "/xmllint"));
  REQUIRE(status == 0);
}

// Our schema allows less than junit-10.xsd of Jenkins' xUnit plugin, the one in wide use: what fits
// ours fits that one. Its text is not in this tree; whoever has it names it in ORRERY_JUNIT_XSD.
inline void require_schema(const Place& place, const std::string& name) {
  require_schema(place, name, "tests/data/junit.xsd");
  const char* const other = std::getenv("ORRERY_JUNIT_XSD");
  if (other != nullptr) require_schema(place, name, other);
}

inline size_t count_of(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

}  // namespace orrery::cli
