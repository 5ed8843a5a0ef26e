// SPDX-License-Identifier: Apache-2.0
#include "fuzz/last_words.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

namespace orrery::fuzz {
namespace {

constexpr off_t kKept = off_t{64} << 10;
constexpr off_t kKeptFirst = off_t{4} << 10;  // of these

std::string read_at(int file, off_t from, off_t size);

std::string_view word_at(std::string_view text);
std::string_view line_at(std::string_view text);

}  // namespace

LastWords::LastWords() : file_(memfd_create("orrery-stderr", MFD_CLOEXEC)) {}

LastWords::~LastWords() {
  if (file_ >= 0) close(file_);
  if (true_stderr_ >= 0) close(true_stderr_);
}

void LastWords::listen() {
  if (file_ < 0) return;
  true_stderr_ = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  dup2(file_, STDERR_FILENO);
}

void LastWords::pass_on() {
  if (file_ < 0 || lseek(file_, 0, SEEK_CUR) <= 0) return;
  const off_t all = size();
  for (off_t from = 0; from < all; from += kKept) {
    const std::string words = read_at(file_, from, std::min(kKept, all - from));
    // A standard error that nobody reads is no reason to stop.
    if (write(true_stderr_, words.data(), words.size()) < 0) errno = 0;
  }
  clear();
}

std::string LastWords::text() const {
  const off_t all = size();
  if (all <= kKept) return read_at(file_, 0, all);
  constexpr off_t kKeptLast = kKept - kKeptFirst;
  return fmt::format("{}\n... {} bytes are left out ...\n{}", read_at(file_, 0, kKeptFirst),
                     all - kKept, read_at(file_, all - kKeptLast, kKeptLast));
}

off_t LastWords::size() const {
  struct stat status{};
  return file_ >= 0 && fstat(file_, &status) == 0 ? status.st_size : 0;
}

void LastWords::clear() {
  if (file_ >= 0 && ftruncate(file_, 0) == 0) lseek(file_, 0, SEEK_SET);
}

std::string death_label(int status, std::string_view last_words) {
  constexpr std::string_view kError = "ERROR: ";
  for (const std::string_view sanitizer : {"AddressSanitizer", "LeakSanitizer"}) {
    const size_t at = last_words.find(fmt::format("{}{}: ", kError, sanitizer));
    if (at == std::string_view::npos) continue;
    const std::string_view rest = last_words.substr(at + kError.size() + sanitizer.size() + 2);
    return fmt::format("{}: {}", sanitizer, word_at(rest));
  }
  if (last_words.find("runtime error: ") != std::string_view::npos) {
    return "UndefinedBehaviorSanitizer: runtime error";
  }
  return "the process " + death_text(status);
}

std::string death_text(int status) {
  if (status == kHung) return "was not done in time";
  if (status == kMute) return "closed its pipe and lived on";
  if (status == kUnheard) return "ended, and nobody could say how,";
  if (WIFSIGNALED(status)) {
    return fmt::format("was ended by signal {} ({})", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
  }
  return fmt::format("ended with exit code {}", WEXITSTATUS(status));
}

std::string heart_of(std::string_view last_words, size_t lines_max) {
  const size_t error = last_words.find("ERROR: ");
  const size_t line = error == std::string_view::npos ? 0 : last_words.rfind('\n', error) + 1;
  last_words.remove_prefix(std::min(line, last_words.size()));
  std::string heart;
  for (size_t lines = 0; lines < lines_max && !last_words.empty(); ++lines) {
    const std::string_view one = line_at(last_words);
    heart += fmt::format("{}\n", one);
    last_words.remove_prefix(std::min(one.size() + 1, last_words.size()));
  }
  return heart;
}

namespace {

std::string read_at(int file, off_t from, off_t size) {
  std::string words(static_cast<size_t>(size), '\0');
  const ssize_t got = size > 0 ? pread(file, words.data(), words.size(), from) : 0;
  words.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return words;
}

std::string_view word_at(std::string_view text) {
  return text.substr(0, text.find_first_of(" \n"));
}
std::string_view line_at(std::string_view text) { return text.substr(0, text.find('\n')); }

}  // namespace
}  // namespace orrery::fuzz
