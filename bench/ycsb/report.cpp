// SPDX-License-Identifier: Apache-2.0
#include "bench/ycsb/report.hpp"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "engine/base/check.hpp"

namespace orrery::bench {
namespace {

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
    line += "}";
  } else {
    std::string heads;
    for (const auto& [name, text] : row.cells) {
      const size_t width = std::max<size_t>(std::string_view(name).size(), 9);
      heads += fmt::format("{:<{}}  ", name, width);
      line += fmt::format("{:<{}}  ", text, width);
    }
    if (heads != heads_) fmt::print("{}{}\n", heads_.empty() ? "" : "\n", heads);
    heads_ = heads;
  }
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

double median(std::vector<double> samples) {
  CHECK(!samples.empty(), "the median of nothing");
  std::sort(samples.begin(), samples.end());
  return samples[samples.size() / 2];
}

FreshFolder::FreshFolder(const std::string& parent)
    : path_((std::filesystem::path(parent) / "orrery-bench-XXXXXX").string()) {
  CHECK(mkdtemp(path_.data()) != nullptr, "no folder can be made in {}", parent);
}

FreshFolder::~FreshFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace orrery::bench
