// SPDX-License-Identifier: Apache-2.0
// What a benchmark counts is what it says, and it measures what it was asked for.
#include <stdlib.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "bench/ycsb/latencies.hpp"
#include "bench/ycsb/workload.hpp"
#include "tests/catch.hpp"

namespace orrery::bench {
namespace {

using Json = nlohmann::json;

struct Ended {
  int code = -1;
  std::vector<std::string> lines;
};

/// Runs $ORRERY_BENCH in a folder of its own, behind `before`.
Ended run(const std::string& words, const std::string& before = {}) {
  const char* const binary = getenv("ORRERY_BENCH");
  REQUIRE(binary != nullptr);
  std::string folder = (std::filesystem::temp_directory_path() / "orrery-test-XXXXXX").string();
  REQUIRE(mkdtemp(folder.data()) != nullptr);
  const std::string path = std::filesystem::absolute(binary).string();
  const std::string command = "cd " + folder + " && " + before + path + " " + words + " 2>&1";
  FILE* const pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  Ended ended;
  std::string text;
  for (int byte = fgetc(pipe); byte != EOF; byte = fgetc(pipe)) {
    if (byte != '\n') {
      text += static_cast<char>(byte);
    } else {
      ended.lines.push_back(std::exchange(text, {}));
    }
  }
  ended.code = WEXITSTATUS(pclose(pipe));
  CHECK(std::filesystem::is_empty(folder));  // its files are gone
  std::filesystem::remove_all(folder);
  return ended;
}

// The engines of this binary, ours first: it says so where it does not know one.
std::vector<std::string> engines_built() {
  const Ended ended = run("mixes --engines none-of-them");
  REQUIRE(ended.lines.size() == 1);
  constexpr std::string_view kBefore = "it has ";
  const size_t at = ended.lines[0].find(kBefore);
  REQUIRE(at != std::string::npos);
  std::string rest = ended.lines[0].substr(at + kBefore.size()) + ", ";
  std::vector<std::string> names;
  for (size_t end = rest.find(", "); end != std::string::npos; end = rest.find(", ")) {
    names.push_back(rest.substr(0, end));
    rest.erase(0, end + 2);
  }
  return names;
}

uint64_t counted(const Json& classes) {
  uint64_t sum = 0;
  uint64_t last = 0;
  for (const Json& one : classes) {
    CHECK(one[0] > last);
    last = one[0];
    sum += one[1].get<uint64_t>();
  }
  return sum;
}

void check_times(const Json& row, const std::string& kind) {
  if (row[kind + "50"] == "-") {
    CHECK(row[kind + "_classes_ns"].empty());
    return;
  }
  CHECK(row[kind + "50"] <= row[kind + "99"]);
  CHECK(row[kind + "99"] <= row[kind + "99.9"]);
  CHECK(row[kind + "99.9"] <= row[kind + "max"]);
  CHECK(counted(row[kind + "_classes_ns"]) > 0);
  CHECK(row[kind + "_classes_ns"].back()[0] >= row[kind + "max"].get<double>() * 999);
}

void check_mix(const Json& row, const std::string& engine) {
  INFO(row.dump());
  CHECK(row["schema"] == "orrery-bench/1");
  CHECK(row["engine"].get<std::string>().rfind(engine, 0) == 0);
  if (row["mix"] == "E" && engine == "orrery") {
    CHECK(row["Mops"] == "no scans");
    return;
  }
  CHECK(row["Mops"] > 0);
  CHECK(row[row["mix"] == "C" ? "read99.9" : "write99.9"] > 0);
  check_times(row, "read");
  check_times(row, "write");
}

}  // namespace

TEST_CASE("a percentile is at most a thirty-second above what was counted") {
  for (const uint64_t ns : {0ULL, 1ULL, 31ULL, 32ULL, 1000ULL, 123'456'789ULL, 1ULL << 62}) {
    Latencies times;
    times.add(ns);
    CHECK(times.at(500'000) >= ns);
    CHECK(times.at(500'000) <= ns + ns / 32 + 1);
  }
}

TEST_CASE("percentiles divide what was counted, also in two parts") {
  Latencies low;
  Latencies all;
  CHECK(all.at(500'000) == 0);
  for (uint64_t ns = 1; ns <= 500; ++ns) low.add(ns);
  for (uint64_t ns = 501; ns <= 1000; ++ns) all.add(ns);
  all.add(low);
  CHECK(all.count() == 1000);
  const auto near = [&](uint32_t per_million, double wanted) {
    return std::abs(static_cast<double>(all.at(per_million)) - wanted) <= wanted / 16;
  };
  CHECK(near(500'000, 500));
  CHECK(near(990'000, 990));
  CHECK(near(999'000, 999));
}

TEST_CASE("ranks follow Zipf's law, and stay inside") {
  constexpr uint64_t kCount = 1000;
  constexpr int kDraws = 200'000;
  const Zipf zipf(kCount, 0.99);
  Draw draw(7);
  std::vector<int> seen(kCount);
  for (int i = 0; i < kDraws; ++i) ++seen[zipf.rank(draw)];
  double zeta = 0;
  for (uint64_t rank = 1; rank <= kCount; ++rank) zeta += std::pow(double(rank), -0.99);
  CHECK(std::abs(seen[0] - kDraws / zeta) < 0.05 * kDraws / zeta);
  CHECK(std::abs(seen[1] - kDraws / zeta / std::pow(2, 0.99)) < 0.05 * kDraws / zeta);
  int top = 0;
  for (size_t rank = 0; rank < 100; ++rank) top += seen[rank];
  double share = 0;
  for (int rank = 1; rank <= 100; ++rank) share += std::pow(rank, -0.99) / zeta;
  CHECK(std::abs(top - share * kDraws) < 0.05 * share * kDraws);
  for (int i = 0; i < kDraws; ++i) REQUIRE(zipf.key(draw) < kCount);
}

TEST_CASE("the mixes are those of YCSB, and whole") {
  REQUIRE(mixes().size() == 6);
  for (const Mix& mix : mixes()) {
    CHECK(mix.reads + mix.upserts + mix.inserts + mix.scans + mix.modifies == 100);
  }
}

TEST_CASE("a benchmark that is interrupted leaves nothing") {
  const Ended ended = run("mixes --engines orrery --records 3000 --data disk",
                          "timeout --preserve-status -s INT 0.5 ");
  CHECK(ended.code == 130);
}

TEST_CASE("each mix is measured on the store, in memory and on the disk") {
  const Ended ended =
      run("mixes --engines orrery --records 3000 --seconds 0.02 --repeats 1 --json");
  REQUIRE(ended.code == 0);
  REQUIRE(ended.lines.size() == 1 + 2 * 2 * (2 * 5 + 1));  // data, threads; keys and mixes
  CHECK(Json::parse(ended.lines[0])["requests"].is_string());
  for (size_t i = 1; i < ended.lines.size(); ++i) check_mix(Json::parse(ended.lines[i]), "orrery");
}

TEST_CASE("each mix is measured on the engines of others that are built") {
  for (const std::string& engine : engines_built()) {
    if (engine == "orrery") continue;
    INFO(engine);
    const Ended ended =
        run("mixes --records 3000 --keys zipf --threads 2 --seconds 0.02 "
            "--repeats 1 --json --engines " +
            engine);
    REQUIRE(ended.code == 0);
    REQUIRE(ended.lines.size() == 1 + 2 * 6);  // data; mixes
    for (size_t i = 1; i < ended.lines.size(); ++i) check_mix(Json::parse(ended.lines[i]), engine);
  }
}

TEST_CASE("every figure that is promised is measured") {
  const Ended ended =
      run("goals --engines orrery --records 3000 --seconds 0.02 --repeats 1 --json");
  REQUIRE(ended.code == 0);
  std::vector<std::string> figures;
  for (size_t i = 1; i < ended.lines.size(); ++i) {
    const Json row = Json::parse(ended.lines[i]);
    figures.push_back(row["figure"]);
    CHECK(row["measured"] > 0);
  }
  std::vector<std::string> wanted = {"empty",  "uniform-1", "uniform-2", "zipf-1",
                                     "zipf-2", "disk",      "disk-16"};
  for (const std::string end : {"", "-10ms", "-40ms"}) {
    for (const char* name : {"snapshot", "snapshot-rate", "snapshot-p999", "snapshot-p999-us",
                             "calm-p999-us", "snapshot-longest-us", "calm-longest-us"}) {
      wanted.push_back(name + end);
    }
  }
  // Not where a file system has no disk: nothing was read from one then.
  if (figures.back() == "recovery") {
    for (const char* name : {"sequential-1", "sequential-4", "sequential", "recovery-time",
                             "recovery-rate", "recovery"}) {
      wanted.push_back(name);
    }
  }
  CHECK(figures == wanted);
}

TEST_CASE("what others are compared with is measured of each engine on the disk") {
  const Ended ended = run("goals --only disk --records 3000 --seconds 0.02 --repeats 1 --json");
  REQUIRE(ended.code == 0);
  const std::vector<std::string> engines = engines_built();
  std::vector<std::pair<std::string, std::string>> told;
  for (size_t i = 1; i < ended.lines.size(); ++i) {
    const Json row = Json::parse(ended.lines[i]);
    CHECK(row["measured"] > 0);
    if (row["engine"] != "ratio") told.emplace_back(row["engine"], row["figure"]);
  }
  std::vector<std::pair<std::string, std::string>> wanted;
  for (const std::string& engine : engines) {
    for (const char* figure : {"disk", "disk-16"}) wanted.emplace_back(engine, figure);
  }
  CHECK(told == wanted);
}

TEST_CASE("what cannot be measured is refused in a line") {
  for (const auto& [words, wrong] : {std::pair{"speed", "goals and mixes can"},
                                     {"mixes --engines sqlite", "it has orrery"},
                                     {"mixes --records 10", "from 1,000"},
                                     {"mixes --value 4", "from 8"},
                                     {"mixes --mix G", "--mix \"G\" is not known; A, B"},
                                     {"mixes --threads 0", "--threads goes from 1"},
                                     {"goals --only speed", "--only \"speed\""},
                                     {"goals --batch 65", "--batch goes from 1"},
                                     {"mixes --in-flight 65", "--in-flight goes from 1"},
                                     {"goals --seconds 0", "above 0"},
                                     {"goals --folder missing", "is no folder"}}) {
    INFO(words);
    const Ended ended = run(words);
    CHECK(ended.code == 2);
    REQUIRE(ended.lines.size() == 1);
    CHECK_THAT(ended.lines[0], Catch::Matchers::ContainsSubstring(wrong));
  }
}

}  // namespace orrery::bench
