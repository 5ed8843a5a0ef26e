// SPDX-License-Identifier: Apache-2.0
// Storage that is a directory of the machine: a device `a/b` is the file `b` in its folder `a`.
//
// It holds one object for each name that was opened; a name that somebody else put there is found
// by open and list all the same. sync_names syncs every folder in which a name was made or removed,
// those of an earlier life included; of one that is gone, that above it. The first one also syncs
// what is above the directory, in which its own name stands. A device that was opened keeps its
// sector size: another is invalid; so is another segment size while it is open.
// Names are stricter than the boundary says: no component may be empty, `.` or `..`, and a name
// cannot be another name's folder.
//
// One Directory at a time uses a folder: it holds a lock on it (flock) as long as it lives. A child
// that the process forks holds the lock as well until it starts another program, should it outlive
// the process. Where the file system has no such locks, nobody is kept out.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "engine/real/file_device.hpp"

namespace orrery::engine {

class Directory final : public Storage {
 public:
  /// Makes the folder if it does not exist; what is above it must. The carrier outlives this.
  /// `direct`: past the page cache, where it is possible. Errors: exists, if another Directory has
  /// the folder, also one of another process; io, no_space, no_memory.
  static Result<std::unique_ptr<Directory>> open(std::string path, IoCarrier& carrier, bool direct);
  /// Requires: no request is in flight.
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  Result<Device*> open(std::string_view name, const DeviceOptions& options) override;
  Result<void> remove(std::string_view name) override;
  Result<void> list(std::string_view prefix, void (*visit)(void*, std::string_view),
                    void* argument) override;
  Result<void> sync_names() override;

  /// Whether transfers go past the page cache, where they can.
  bool is_direct() const { return is_direct_; }

 private:
  Directory(std::string path, IoCarrier& carrier, bool direct)
      : path_(std::move(path)), carrier_(carrier), direct_(direct) {}

  class Turn;

  Result<void> lock_folder();
  Result<void> find_folders();
  Result<Device*> open_known_or_new(std::unique_lock<std::mutex>& lock, std::string_view name,
                                    const DeviceOptions& options);
  Result<void> make_folders(std::string_view name);
  std::string path_of(std::string_view name) const;
  Result<void> sync_folder(const std::string& folder);
  int sync_above() const;
  Result<int> open_folder(const std::string& folder);
  bool has_devices_in(const std::string& folder) const;

  const std::string path_;
  IoCarrier& carrier_;
  const bool direct_;         // if possible
  int folder_ = -1;           // open as long as this lives, and locked
  bool is_direct_ = false;    // as far as its file system tells
  std::mutex sync_mutex_;     // taken before mutex_
  bool sync_failed_ = false;  // guarded by sync_mutex_
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<FileDevice>, std::less<>> devices_;  // guarded by mutex_
  std::set<std::string> changed_folders_;     // guarded by mutex_: "" is the directory itself
  std::set<std::string, std::less<>> taken_;  // guarded by mutex_: names in work, each by one task
  std::condition_variable let_go_;            // a name is in taken_ no more
};

}  // namespace orrery::engine
