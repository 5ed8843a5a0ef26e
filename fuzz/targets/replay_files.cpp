// SPDX-License-Identifier: Apache-2.0
// The main of a fuzz target where there is no libFuzzer: gives it the files that are named, and all
// below the folders that are named, as libFuzzer does, in order of their names. Whatever a target
// finds wrong ends the process, as it would under libFuzzer; what cannot be read ends it with 2.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

#include "fuzz/targets/target.hpp"

namespace fs = std::filesystem;

namespace {

int refuse(const fs::path& path) {
  fmt::print(stderr, "cannot read {}\n", path.string());
  return 2;
}

// False if not all of it can be seen.
bool add_files(const fs::path& named, std::vector<fs::path>& files) {
  std::error_code error;
  if (!fs::is_directory(named, error)) {
    files.push_back(named);
    return true;
  }
  for (fs::recursive_directory_iterator at(named, error), end; !error && at != end;
       at.increment(error)) {
    if (!at->is_directory(error)) files.push_back(at->path());
  }
  return !error;
}

bool read_all(const fs::path& path, std::vector<char>& bytes) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return false;  // nor is a pipe waited for
  std::ifstream file(path, std::ios::binary);
  bytes.assign(std::istreambuf_iterator<char>(file), {});
  return file.good();
}

}  // namespace

int main(int count, char** words) {
  LLVMFuzzerInitialize(&count, &words);
  std::vector<fs::path> files;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (!word.starts_with('-') && !add_files(word, files)) return refuse(word);
  }
  std::sort(files.begin(), files.end());
  std::vector<char> bytes;
  for (const fs::path& path : files) {
    if (!read_all(path, bytes)) return refuse(path);
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  }
  fmt::print(stderr, "{} inputs, nothing wrong\n", files.size());
  return files.empty() ? 2 : 0;
}
