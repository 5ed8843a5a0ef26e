// SPDX-License-Identifier: Apache-2.0
// What was measured: a table for people, or one JSON object a line.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace orrery::bench {

/// One cell after the other, in the order of the columns.
struct Row {
  std::vector<std::pair<const char*, std::string>> cells;       // a name for JSON, and the text
  std::vector<std::pair<const char*, std::string>> lists = {};  // for JSON alone, and in its words
};

class Report {
 public:
  explicit Report(bool json, std::FILE* output = stdout) : json_(json), output_(output) {}
  /// Printed at once, so that a long benchmark shows how far it is.
  void add(const char* kind, const Row& row);

 private:
  bool json_;
  std::FILE* output_;
  std::string heads_;  // of the table under way
};

struct Times {
  double seconds = 2;    // of each measurement
  uint32_t repeats = 3;  // of which the median counts
  std::string folder;    // for files; on the disk that is to be measured
};

double median(std::vector<double> samples);

/// A folder that is not there yet, and gone at the end, also at that by Ctrl-C.
class FreshFolder {
 public:
  explicit FreshFolder(const std::string& parent);
  ~FreshFolder();
  FreshFolder(const FreshFolder&) = delete;
  FreshFolder& operator=(const FreshFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// From now on SIGINT and SIGTERM end the process, and every FreshFolder. Requires: there is no
/// other thread yet.
void leave_nothing_at_interrupt();

}  // namespace orrery::bench
