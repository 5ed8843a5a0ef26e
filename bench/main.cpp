// SPDX-License-Identifier: Apache-2.0
// Prints the figures: a table for people, or with --json one JSON object a line.
//
// usage: bench [--json] [NAME...]    (names of figures, or beginnings of names; default: all)
//
// Exit code 0 also where a figure is over its goal: what the machine was doing meanwhile decides
// too much. 2 is wrong usage.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "bench/figure.hpp"

namespace {

using namespace orrery::bench;

constexpr int kSamples = 9;

struct Measured {
  const Figure* figure;
  std::vector<double> samples;  // ascending once measured

  double median() const { return samples[samples.size() / 2]; }
};

const char* judge(const Measured& one);
std::vector<Measured> choose(const std::vector<std::string_view>& names);
void print_table(const std::vector<Measured>& all);
void print_json(const std::vector<Measured>& all);

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string_view> names(argv + 1, argv + argc);
  const auto json = std::find(names.begin(), names.end(), "--json");
  const bool as_json = json != names.end();
  if (as_json) names.erase(json);
  std::vector<Measured> all = choose(names);
  if (all.empty()) {
    fmt::print(stderr, "bench: no figure is named like that; usage: bench [--json] [NAME...]\n");
    return 2;
  }
  for (int i = 0; i < kSamples; ++i) {
    for (Measured& one : all) one.samples.push_back(one.figure->sample());
  }
  for (Measured& one : all) std::sort(one.samples.begin(), one.samples.end());
  as_json ? print_json(all) : print_table(all);
  return 0;
}

namespace {

std::vector<Measured> choose(const std::vector<std::string_view>& names) {
  std::vector<Measured> all;
  for (const Figure& figure : all_figures()) {
    const bool chosen = std::any_of(names.begin(), names.end(), [&](std::string_view name) {
      return std::string_view(figure.name).starts_with(name);
    });
    if (names.empty() || chosen) all.push_back({&figure, {}});
  }
  return all;
}

const char* judge(const Measured& one) {
  switch (one.figure->wanted) {
    case Wanted::at_most: return one.median() <= one.figure->goal ? "ok" : "over";
    case Wanted::at_least: return one.median() >= one.figure->goal ? "ok" : "under";
    case Wanted::nothing: break;
  }
  return "-";
}

void print_table(const std::vector<Measured>& all) {
  fmt::print("{:<22} {:<72} {:>9} {:>9}  {:<5} {}\n", "figure", "what", "goal", "measured", "",
             "least - most");
  for (const Measured& one : all) {
    const Figure& figure = *one.figure;
    const char* const sign = figure.wanted == Wanted::at_least ? ">=" : "<=";
    const auto goal = figure.wanted == Wanted::nothing ? fmt::format("-")
                                                       : fmt::format("{} {}", sign, figure.goal);
    fmt::print("{:<22} {:<72} {:>9} {:>6.2f} {:<2}  {:<5} {:.2f} - {:.2f}\n", figure.name,
               figure.sentence, goal, one.median(), figure.unit, judge(one), one.samples.front(),
               one.samples.back());
  }
  fmt::print(
      "\nCPU time of one thread, if not said otherwise; medians of {} samples, taken in turns.\n",
      kSamples);
}

void print_json(const std::vector<Measured>& all) {
  for (const Measured& one : all) {
    const Figure& figure = *one.figure;
    const auto goal =
        figure.wanted == Wanted::nothing ? fmt::format("null") : fmt::format("{}", figure.goal);
    fmt::print(
        "{{\"schema\":1,\"figure\":\"{}\",\"unit\":\"{}\",\"goal\":{},\"median\":{:.4f},"
        "\"least\":{:.4f},\"most\":{:.4f},\"samples\":{},\"verdict\":\"{}\"}}\n",
        figure.name, figure.unit, goal, one.median(), one.samples.front(), one.samples.back(),
        one.samples.size(), judge(one));
  }
}

}  // namespace
