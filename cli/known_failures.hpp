// SPDX-License-Identifier: Apache-2.0
// The failures of which a folder of `orrery fuzz` holds a tape already, by signature: found once,
// they are not saved again, however many calls search with that folder, one after the other.
//
// They stand in its file `known-signatures`, a line of JSON each: the signature, what was played
// when it was found, and the tape. The same words are no known failure if something else is played,
// or once their tape is gone: what was mended may break again.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace orrery::cli {

class KnownFailures {
 public:
  /// `played`: the target with its flags.
  KnownFailures(std::string folder, std::string played)
      : folder_(std::move(folder)), played_(std::move(played)) {}

  /// Reads what calls before this one have left. Returns what is wrong, empty if nothing is.
  std::string read();

  /// There is a tape of it now. Known signatures stay as they are.
  void add(const std::string& signature, const std::string& tape);

  /// The tape of a failure; empty if there is none.
  std::string tape_of(const std::string& signature) const;

  /// Of what is played now.
  std::vector<std::string> signatures() const;

  size_t count_from_before() const { return from_before_; }

  /// The file is whole at any time. Returns what is wrong, empty if nothing is.
  std::string save() const;

  std::string path() const { return folder_ + "/known-signatures"; }

 private:
  struct Row {
    std::string signature;
    std::string played;
    std::string tape;  // its name in the folder
  };

  const std::string folder_;
  const std::string played_;
  std::vector<Row> rows_;
  size_t from_before_ = 0;  // of what is played now
};

/// The text of that name in a row; empty if there is none, or it is no row.
std::string text_at(const nlohmann::ordered_json& row, const char* name);

}  // namespace orrery::cli
