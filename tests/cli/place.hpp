// SPDX-License-Identifier: Apache-2.0
// A folder for one test of the command line, in which the binary is run. $ORRERY names the binary.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

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
    for (const auto& entry : fs::recursive_directory_iterator(path_ + "/desk")) {
      if (entry.is_regular_file()) ++count;
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

}  // namespace orrery::cli
