// SPDX-License-Identifier: Apache-2.0
#include "fuzz/counts.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/check.hpp"

namespace orrery::fuzz {
namespace {

using reports::RunRow;

void count_under_name(const RunRow& row, double cpu_s, std::vector<SignatureCount>& counts);

}  // namespace

void count(const RunRow& row, Campaign& campaign) {
  ++campaign.runs;
  campaign.steps += row.steps;
  campaign.points += row.points;
  campaign.runs_cpu_s += static_cast<double>(row.cpu_ns) / 1e9;
  if (row.rerun != reports::Rerun::none) ++campaign.reruns;
  if (row.rerun == reports::Rerun::identical) ++campaign.reruns_identical;
  for (size_t bug = 0; bug < row.reached.size(); ++bug) {
    if (row.reached[bug] > 0) ++campaign.runs_that_reached[bug];
  }
  if (row.verdict == scenarios::Verdict::inconclusive) {
    ++campaign.inconclusive;
    count_under_name(row, campaign.runs_cpu_s, campaign.reasons);
  } else if (row.verdict == scenarios::Verdict::failed) {
    ++campaign.failed;
    count_under_name(row, campaign.runs_cpu_s, campaign.signatures);
  }
}

std::vector<SometimesCount> sometimes_by_label(std::span<std::atomic<uint64_t>> hits) {
  std::map<std::string, SometimesCount> by_label;
  const auto all = engine::all_sometimes();
  CHECK(hits.size() == all.size(), "{} counts of {} labels", hits.size(), all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    SometimesCount& one = by_label[all[i]->label];
    one.label = all[i]->label;
    const uint64_t seen = hits[i].load();
    if (one.place.empty() || seen > 0) {
      std::string_view file = all[i]->file;  // as the compiler was told, from its build folder
      while (file.starts_with("../")) file.remove_prefix(3);
      one.place = fmt::format("{}:{}", file, all[i]->line);
    }
    one.hits += seen;
  }
  std::vector<SometimesCount> counts;
  for (auto& [label, one] : by_label) counts.push_back(std::move(one));
  return counts;
}

double cpu_seconds() {
  double seconds = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used{};
    getrusage(who, &used);
    for (const timeval& part : {used.ru_utime, used.ru_stime}) {
      seconds += static_cast<double>(part.tv_sec) + static_cast<double>(part.tv_usec) / 1e6;
    }
  }
  return seconds;
}

namespace {

void count_under_name(const RunRow& row, double cpu_s, std::vector<SignatureCount>& counts) {
  for (SignatureCount& known : counts) {
    if (known.first.signature.view() != row.signature.view()) continue;
    ++known.count;
    return;
  }
  counts.push_back({row, 1, cpu_s});
}

}  // namespace
}  // namespace orrery::fuzz
