// SPDX-License-Identifier: Apache-2.0
// The few things the command line does with files. Each returns what is wrong in one line, empty if
// nothing is.
#pragma once

#include <string>
#include <string_view>

namespace orrery::cli {

/// Not a folder.
bool file_exists(const std::string& path);

/// Reads all of a regular file of at most 64 MiB.
std::string read_file(const std::string& path, std::string& content);

/// Whether files could be written into the folder, which need not exist yet. Leaves nothing behind.
std::string check_folder(const std::string& folder);

/// Whether a file could be written at the path. Leaves nothing behind.
std::string check_file(const std::string& path);

/// Writes a file beside it, syncs it and renames it: what stands at the path is whole, or what
/// stood there before. Makes the folder if it is missing. Links are followed, and what is no
/// regular file (a pipe, a device) is written to as it is.
std::string write_file(const std::string& path, std::string_view content);

}  // namespace orrery::cli
