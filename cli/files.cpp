// SPDX-License-Identifier: Apache-2.0
#include "cli/files.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace orrery::cli {
namespace {

constexpr uintmax_t kFileMax = uintmax_t{64} << 20;
constexpr int kLinksMax = 40;  // as many as Linux follows

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
  return {};
}

// Where links lead, also if nothing is there yet. Of a ring of links, one of them; and a link of
// /proc, as it is: it stands for what is open already (/dev/stdout, /dev/fd/3).
std::filesystem::path end_of_links(const std::string& path) {
  std::error_code error;
  std::filesystem::path there = path;
  for (int i = 0; i < kLinksMax && std::filesystem::is_symlink(there, error); ++i) {
    std::filesystem::path folder = std::filesystem::absolute(there, error).parent_path();
    folder = std::filesystem::canonical(folder, error);
    if (folder.string().starts_with("/proc/")) return folder / there.filename();
    there = there.parent_path() / std::filesystem::read_symlink(there, error);
  }
  return there;
}

// A pipe, a terminal, /dev/null: what is there stays what it is, and is written to.
bool stays(const std::filesystem::path& there) {
  std::error_code error;
  return std::filesystem::is_other(there, error) || std::filesystem::is_symlink(there, error);
}

// Of one of our own descriptors another one that goes on where it stands; -1 if it is none.
int duplicate_of(const std::filesystem::path& there) {
  std::error_code error;
  if (there.parent_path() != std::filesystem::canonical("/proc/self/fd", error)) return -1;
  const std::string name = there.filename();
  int number = -1;
  const auto [end, wrong] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (wrong != std::errc{} || end != name.data() + name.size()) return -1;
  return fcntl(number, F_DUPFD_CLOEXEC, 0);
}

std::string check_in_place(const std::filesystem::path& there, const std::string& path) {
  const int file = duplicate_of(there);
  if (file < 0)
    return access(there.c_str(), W_OK) == 0 ? std::string() : wrong("cannot write", path);
  const bool writable = (fcntl(file, F_GETFL) & O_ACCMODE) != O_RDONLY;
  close(file);
  return writable ? std::string() : fmt::format("\"{}\" is open for reading alone", path);
}

std::string write_in_place(const std::filesystem::path& there, std::string_view content) {
  std::cout.flush();  // the same, perhaps: what was said before comes before
  int file = duplicate_of(there);
  if (file < 0) file = open(there.c_str(), O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
  if (file < 0) return wrong("cannot write", there);
  // A reader that went away is an error here: there is more to be told than this.
  const auto before = signal(SIGPIPE, SIG_IGN);
  std::string failed = write_all(file, there, content);
  signal(SIGPIPE, before);
  if (close(file) != 0 && failed.empty()) failed = wrong("cannot write", there);
  return failed;
}

}  // namespace

bool file_exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error) && !std::filesystem::is_directory(path, error);
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
  const std::filesystem::path there = end_of_links(path);
  if (std::filesystem::is_symlink(there, error) && !std::filesystem::exists(there, error)) {
    return fmt::format("\"{}\" is a link that leads to no file", path);
  }
  if (std::filesystem::is_socket(there, error)) return fmt::format("\"{}\" is a socket", path);
  if (stays(there)) return check_in_place(there, path);
  return check_folder(std::filesystem::absolute(there, error).parent_path().string());
}

std::string write_file(const std::string& path, std::string_view content) {
  const std::filesystem::path there = end_of_links(path);
  if (stays(there)) return write_in_place(there, content);
  std::error_code error;
  const std::filesystem::path folder = there.parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error) return fmt::format("cannot make the folder {}: {}", folder.string(), error.message());
  const std::string temporary = there.string() + ".tmp";
  const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return wrong("cannot write", temporary);
  std::string failed = write_all(file, temporary, content);
  if (failed.empty() && fsync(file) != 0) failed = wrong("cannot sync", temporary);
  close(file);
  if (failed.empty() && rename(temporary.c_str(), there.c_str()) != 0) {
    failed = wrong("cannot rename to", there.string());
  }
  if (!failed.empty()) unlink(temporary.c_str());
  return failed;
}

}  // namespace orrery::cli
