// SPDX-License-Identifier: Apache-2.0
#include "bench/ycsb/report.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>

#include "engine/base/check.hpp"

namespace orrery::bench {
namespace {

std::mutex folders_mutex;
std::set<std::string> folders;  // guarded by folders_mutex

void remove_folder(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.-") == std::string::npos &&
         text.find_first_of("0123456789") != std::string::npos;
}

}  // namespace

void Report::add(const char* kind, const Row& row) {
  std::string line;
  if (json_) {
    line = fmt::format("{{\"schema\":\"orrery-bench/1\",\"kind\":\"{}\"", kind);
    for (const auto& [name, text] : row.cells) {
      const char* const quote = is_number(text) ? "" : "\"";
      line += fmt::format(",\"{}\":{}{}{}", name, quote, text, quote);
    }
    for (const auto& [name, list] : row.lists) line += fmt::format(",\"{}\":{}", name, list);
    line += "}";
  } else {
    std::string heads;
    for (const auto& [name, text] : row.cells) {
      const size_t width = std::max<size_t>(std::string_view(name).size(), 9);
      heads += fmt::format("{:<{}}  ", name, width);
      line += fmt::format("{:<{}}  ", text, width);
    }
    if (heads != heads_) fmt::print(output_, "{}{}\n", heads_.empty() ? "" : "\n", heads);
    heads_ = heads;
  }
  fmt::print(output_, "{}\n", line);
  std::fflush(output_);
}

double median(std::vector<double> samples) {
  CHECK(!samples.empty(), "the median of nothing");
  std::sort(samples.begin(), samples.end());
  return samples[samples.size() / 2];
}

FreshFolder::FreshFolder(const std::string& parent)
    : path_((std::filesystem::path(parent) / "orrery-bench-XXXXXX").string()) {
  const std::lock_guard lock(folders_mutex);
  CHECK(mkdtemp(path_.data()) != nullptr, "no folder can be made in {}", parent);
  folders.insert(path_);
}

FreshFolder::~FreshFolder() {
  const std::lock_guard lock(folders_mutex);
  remove_folder(path_);
  folders.erase(path_);
}

void leave_nothing_at_interrupt() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // in the threads to come as well
  std::thread([signals] {
    int which = 0;
    sigwait(&signals, &which);
    const std::lock_guard lock(folders_mutex);
    for (const std::string& path : folders) {
      // Others may still make files there.
      for (int i = 0; i < 10 && access(path.c_str(), F_OK) == 0; ++i) remove_folder(path);
    }
    _exit(128 + which);
  }).detach();
}

}  // namespace orrery::bench
