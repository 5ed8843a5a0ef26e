// SPDX-License-Identifier: Apache-2.0
// The names of a store's devices.
//
//   <prefix>/hlog                                   the main log
//   <prefix>/cpr-checkpoints/<token>/snapshot.dat   the pages of a snapshot
//   <prefix>/cpr-checkpoints/<token>/pages.dat      a checksum for each of these pages
//   <prefix>/cpr-checkpoints/<token>/info.dat       its metadata, last and decisive
//   <prefix>/index-checkpoints/<token>/ht.dat       the buckets of the index
//   <prefix>/index-checkpoints/<token>/info.dat     their metadata, after them
//   <prefix>/aof/...                                the log of operations (append_log_files.hpp)
//
// A token is 16 hexadecimal digits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace orrery::engine {

/// A name in a buffer of its own.
class DeviceName {
 public:
  static DeviceName main_log(std::string_view prefix);
  static DeviceName snapshot(std::string_view prefix, uint64_t token);
  static DeviceName page_table(std::string_view prefix, uint64_t token);
  static DeviceName metadata(std::string_view prefix, uint64_t token);
  static DeviceName index_table(std::string_view prefix, uint64_t token);
  static DeviceName index_metadata(std::string_view prefix, uint64_t token);

  std::string_view view() const { return {text_.data(), size_}; }

 private:
  static DeviceName in_folder(std::string_view prefix, std::string_view folder, uint64_t token,
                              std::string_view file);

  std::array<char, 200> text_{};
  size_t size_ = 0;
};

/// The token in the name of a file of a checkpoint, or 0.
uint64_t token_of_checkpoint(std::string_view name, std::string_view prefix);
/// The same for an index checkpoint.
uint64_t token_of_index(std::string_view name, std::string_view prefix);

}  // namespace orrery::engine
