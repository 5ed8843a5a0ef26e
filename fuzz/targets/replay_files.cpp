// SPDX-License-Identifier: Apache-2.0
// The main of a fuzz target where there is no libFuzzer: gives it the files that are named, and
// those in the folders that are named, in order of their names. Whatever a target finds wrong ends
// the process, as it would under libFuzzer.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzz/targets/target.hpp"

namespace fs = std::filesystem;

int main(int count, char** words) {
  LLVMFuzzerInitialize(&count, &words);
  std::vector<fs::path> files;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (word.starts_with('-')) continue;
    if (fs::is_directory(word)) {
      for (const auto& entry : fs::directory_iterator(word)) files.push_back(entry.path());
    } else {
      files.emplace_back(word);
    }
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& path : files) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
    if (!file) {
      fmt::print(stderr, "cannot read {}\n", path.string());
      return 2;
    }
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  }
  fmt::print(stderr, "{} inputs, nothing wrong\n", files.size());
  return files.empty() ? 2 : 0;
}
