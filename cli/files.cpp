// SPDX-License-Identifier: Apache-2.0
#include "cli/files.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace orrery::cli {
namespace {

constexpr uintmax_t kFileMax = uintmax_t{64} << 20;

std::string wrong(std::string_view what, const std::string& path) {
  return fmt::format("{} {}: {}", what, path, strerror(errno));
}

std::string write_all(int file, const std::string& path, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return wrong("cannot write", path);
    content.remove_prefix(static_cast<size_t>(written));
  }
  return fsync(file) == 0 ? std::string() : wrong("cannot sync", path);
}

}  // namespace

bool file_exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

std::string read_file(const std::string& path, std::string& content) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return fmt::format("\"{}\" is a folder", path);
  if (!std::filesystem::exists(path, error)) return fmt::format("there is no file \"{}\"", path);
  if (!std::filesystem::is_regular_file(path, error)) {
    return fmt::format("\"{}\" is not a regular file", path);
  }
  if (std::filesystem::file_size(path, error) > kFileMax) {
    return fmt::format("\"{}\" is larger than 64 MiB", path);
  }
  std::ifstream file(path, std::ios::binary);
  content.assign(std::istreambuf_iterator<char>(file), {});
  return file ? std::string() : fmt::format("cannot read \"{}\"", path);
}

std::string check_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::path there = std::filesystem::absolute(folder, error);
  while (there.has_relative_path() && !std::filesystem::exists(there, error)) {
    there = there.parent_path();
  }
  if (!std::filesystem::is_directory(there, error)) {
    return fmt::format("\"{}\" cannot be a folder: {} is a file", folder, there.string());
  }
  // Who may write anywhere can still make nothing in /proc: only a try tells.
  std::string tried = (there / ".orrery-XXXXXX").string();
  if (mkdtemp(tried.data()) != nullptr && rmdir(tried.c_str()) == 0) return {};
  return fmt::format("nothing can be written into \"{}\": {}: {}", folder, there.string(),
                     strerror(errno));
}

std::string check_file(const std::string& path) {
  std::error_code error;
  if (path.empty()) return "a file wants a name";
  if (path.back() == '/' || std::filesystem::is_directory(path, error)) {
    return fmt::format("\"{}\" is a folder", path);
  }
  const std::filesystem::path folder = std::filesystem::absolute(path, error).parent_path();
  return check_folder(folder.string());
}

std::string write_file(const std::string& path, std::string_view content) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error) return fmt::format("cannot make the folder {}: {}", folder.string(), error.message());
  const std::string temporary = path + ".tmp";
  const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return wrong("cannot write", temporary);
  std::string failed = write_all(file, temporary, content);
  close(file);
  if (failed.empty() && rename(temporary.c_str(), path.c_str()) != 0) {
    failed = wrong("cannot rename to", path);
  }
  if (!failed.empty()) unlink(temporary.c_str());
  return failed;
}

}  // namespace orrery::cli
