// SPDX-License-Identifier: Apache-2.0
// A checkpoint of a store on the machine, as its files lie there, before the independent reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/history.hpp"
#include "scenarios/oracles/linearizable.hpp"
#include "scenarios/oracles/snapshot_reader.hpp"

namespace orrery::tests {

class CheckpointOnDisk {
 public:
  /// `store`: the folder of the store. False if the metadata says nothing that can be used, like
  /// that of a checkpoint that was never committed.
  bool read(const std::string& store, uint64_t token);

  const scenarios::SnapshotReader& reader() const { return reader_; }
  /// What it says about its keys; nothing if one of them is no key of our clients.
  std::optional<std::vector<scenarios::Found>> found() const;

 private:
  std::vector<std::byte> info_;
  std::vector<std::byte> snapshot_;
  std::vector<std::byte> log_;
  std::vector<std::byte> table_;
  scenarios::SnapshotReader reader_;
};

/// The tokens of all checkpoints that have a folder there.
std::vector<uint64_t> checkpoint_tokens(const std::string& store);

}  // namespace orrery::tests
