// SPDX-License-Identifier: Apache-2.0
#include "cli/known_failures.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/files.hpp"

namespace orrery::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

}  // namespace

std::string KnownFailures::read() {
  std::error_code error;
  if (!fs::exists(path(), error)) return {};
  std::string content;
  const std::string wrong = read_file(path(), content);
  std::istringstream lines(content);
  for (std::string line; std::getline(lines, line);) {
    const Json row = Json::parse(line, nullptr, false);
    Row known{text_at(row, "signature"), text_at(row, "played"), text_at(row, "tape")};
    const bool whole = !known.signature.empty() && !known.tape.empty();
    if (whole && file_exists(folder_ + "/" + known.tape)) rows_.push_back(std::move(known));
  }
  from_before_ = signatures().size();
  return wrong;
}

void KnownFailures::add(const std::string& signature, const std::string& tape) {
  if (!tape_of(signature).empty()) return;
  rows_.push_back({signature, played_, fs::path(tape).filename().string()});
}

std::string KnownFailures::tape_of(const std::string& signature) const {
  const auto found = std::find_if(rows_.begin(), rows_.end(), [&](const Row& row) {
    return row.signature == signature && row.played == played_;
  });
  return found == rows_.end() ? std::string() : folder_ + "/" + found->tape;
}

std::vector<std::string> KnownFailures::signatures() const {
  std::vector<std::string> all;
  for (const Row& row : rows_) {
    if (row.played == played_) all.push_back(row.signature);
  }
  return all;
}

std::string KnownFailures::save() const {
  std::string text;
  for (const Row& row : rows_) {
    const Json line{{"signature", row.signature}, {"played", row.played}, {"tape", row.tape}};
    text += line.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
  }
  return write_file(path(), text);
}

std::string text_at(const Json& row, const char* name) {
  if (!row.is_object()) return {};
  const auto found = row.find(name);
  return found != row.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace orrery::cli
