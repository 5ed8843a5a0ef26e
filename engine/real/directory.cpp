// SPDX-License-Identifier: Apache-2.0
#include "engine/real/directory.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <new>
#include <vector>

namespace orrery::engine {
namespace {

constexpr const char* kNotSynced = "a folder of devices cannot be synced";
constexpr int kInUseForMs = 2000;     // a process that was killed may take so long to end
constexpr const char* kAbove = "..";  // among changed folders: what holds the directory's own name

bool is_valid_name(std::string_view name);
// Calls `visit` with the name of each file and folder below the directory, and whether it is a
// folder. What cannot be the name of a device is passed over with all that is in it. Errors: io,
// no_memory; then some were not visited.
template <typename Visit>
Result<void> each_entry(const std::string& directory, const Visit& visit);
// "a/b" for "a/b/c", and "" for "a".
std::string folder_of(std::string_view name);
// Whether the kernel says that there is no such file, or no folder in which it could be.
bool is_absence(int error_number) { return error_number == ENOENT || error_number == ENOTDIR; }
Error no_memory() { return {Errc::no_memory, "the process has no memory left"}; }

}  // namespace

// The right to work on a name without the lock: a new device is in no map yet, and one that waits
// for its file must not be removed. Requires: the lock is held when it begins.
class Directory::Turn {
 public:
  Turn(Directory& directory, std::unique_lock<std::mutex>& lock, std::string_view name)
      : directory_(directory), lock_(lock) {
    directory.let_go_.wait(lock, [&] { return !directory.taken_.contains(name); });
    at_ = directory.taken_.emplace(name).first;
  }
  ~Turn() {
    if (!lock_.owns_lock()) lock_.lock();
    directory_.taken_.erase(at_);
    directory_.let_go_.notify_all();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Directory& directory_;
  std::unique_lock<std::mutex>& lock_;
  decltype(taken_)::iterator at_;
};

Result<std::unique_ptr<Directory>> Directory::open(std::string path, IoCarrier& carrier,
                                                   bool direct) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    return Error{errc_of(errno), "the directory of a storage cannot be made"};
  }
  try {
    std::unique_ptr<Directory> directory(new Directory(std::move(path), carrier, direct));
    TRY(directory->lock_folder());
    directory->is_direct_ = direct && may_be_direct(directory->folder_);
    TRY(directory->find_folders());
    return directory;
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
}

// Let go in so many words: a child that was forked meanwhile may have the descriptor as well.
Directory::~Directory() {
  devices_.clear();
  if (folder_ < 0) return;
  (void)::flock(folder_, LOCK_UN);
  (void)::close(folder_);
}

// Who holds it is at work, or was killed and has not ended yet.
Result<void> Directory::lock_folder() {
  folder_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_ < 0) {
    const Errc code = is_absence(errno) ? Errc::io : errc_of(errno);
    return Error{code, "the directory of a storage cannot be opened"};
  }
  for (int waited_ms = 0; ::flock(folder_, LOCK_EX | LOCK_NB) != 0; ++waited_ms) {
    if (errno != EWOULDBLOCK && errno != EINTR) break;  // a file system without locks
    if (waited_ms == kInUseForMs) {
      return Error{Errc::exists, "the directory of a storage is in use by another"};
    }
    ::usleep(1000);
  }
  return {};
}

// An earlier life may have ended before it had synced its names.
Result<void> Directory::find_folders() {
  changed_folders_.insert("");
  changed_folders_.insert(kAbove);
  return each_entry(path_, [&](std::string name, bool is_folder) {
    if (is_folder) changed_folders_.insert(std::move(name));
  });
}

Result<Device*> Directory::open(std::string_view name, const DeviceOptions& options) {
  if (!is_valid_name(name)) return Error{Errc::invalid, "not a device name"};
  const uint32_t sector = options.sector_size;
  if (sector < 8 || (sector & (sector - 1)) != 0) {
    return Error{Errc::invalid, "a sector is a power of two from 8"};
  }
  try {
    std::unique_lock lock(mutex_);
    const Turn turn(*this, lock, name);
    return open_known_or_new(lock, name, options);
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
}

// A file may have to be waited for, and nobody else is to wait along.
Result<Device*> Directory::open_known_or_new(std::unique_lock<std::mutex>& lock,
                                             std::string_view name, const DeviceOptions& options) {
  const auto known = devices_.find(name);
  std::unique_ptr<FileDevice> made_now;
  if (known == devices_.end()) {
    if (!options.must_exist) TRY(make_folders(name));
    made_now = std::make_unique<FileDevice>(path_of(name), options, carrier_, direct_);
  }
  // A second object would not know what the first had lost: see FileDevice::sync.
  FileDevice& device = made_now ? *made_now : *known->second;
  // Before the file is there: if there were no memory then, its name would stay unsynced.
  std::set<std::string> changed = {folder_of(name)};
  lock.unlock();
  const Result<void> opened = device.open(options);
  lock.lock();
  if (!options.must_exist) changed_folders_.merge(changed);
  TRY(opened);
  if (made_now) devices_.emplace(std::string(name), std::move(made_now));
  return static_cast<Device*>(&device);
}

Result<void> Directory::make_folders(std::string_view name) {
  for (size_t at = name.find('/'); at != std::string_view::npos; at = name.find('/', at + 1)) {
    const std::string_view folder = name.substr(0, at);
    const std::string path = path_of(folder);
    changed_folders_.insert(folder_of(folder));
    if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) continue;
    return Error{errc_of(errno), "the folder of a device cannot be made"};
  }
  return {};
}

Result<void> Directory::remove(std::string_view name) {
  if (!is_valid_name(name)) return Error{Errc::not_found, "no such device"};
  try {
    std::unique_lock lock(mutex_);
    const Turn turn(*this, lock, name);
    const auto known = devices_.find(name);
    const size_t in_flight = known == devices_.end() ? 0 : known->second->in_flight();
    CHECK(in_flight == 0, "a device was removed with {} requests in flight", in_flight);
    changed_folders_.insert(folder_of(name));
    const bool removed = ::unlink(path_of(name).c_str()) == 0;
    const bool gone = !removed && is_absence(errno);
    if ((removed || gone) && known != devices_.end()) devices_.erase(known);
    if (removed) return {};
    return Error{gone ? Errc::not_found : Errc::io, "the file of a device cannot be removed"};
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
}

// The visits come after the lock is released: a visitor may call in again.
Result<void> Directory::list(std::string_view prefix, void (*visit)(void*, std::string_view),
                             void* argument) {
  std::vector<std::string> names;
  try {
    const std::lock_guard lock(mutex_);
    TRY(each_entry(path_, [&](std::string name, bool is_folder) {
      if (!is_folder && name.starts_with(prefix)) names.push_back(std::move(name));
    }));
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) visit(argument, name);
  return {};
}

// One at a time: the second must not return while the first still works on what both promise. Once
// a folder could not be synced, no sync of names succeeds any more: the system may have dropped
// what it was to write, and would say of the next attempt that all is well.
Result<void> Directory::sync_names() {
  const std::lock_guard sync_lock(sync_mutex_);
  if (sync_failed_) return Error{Errc::io, kNotSynced};
  std::set<std::string> folders;
  {
    const std::lock_guard lock(mutex_);
    folders.swap(changed_folders_);
  }
  while (!folders.empty()) {
    const Result<void> synced = sync_folder(*folders.begin());
    if (!synced) {
      const std::lock_guard lock(mutex_);
      changed_folders_.merge(folders);
      return synced.error();
    }
    folders.erase(folders.begin());
  }
  return {};
}

Result<void> Directory::sync_folder(const std::string& folder) {
  int failed = 0;
  if (folder == kAbove) {
    failed = sync_above();
  } else {
    TRY_ASSIGN(const int file, open_folder(folder));
    failed = ::fsync(file);
    (void)::close(file);
  }
  if (failed == 0) return {};
  sync_failed_ = true;
  return Error{Errc::io, kNotSynced};
}

// Where a file system is mounted there is no name to lose. And who may go through a folder but not
// look into it can still have all of its file system written.
int Directory::sync_above() const {
  const int above = ::openat(folder_, kAbove, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (above < 0) return ::syncfs(folder_);
  struct stat own{};
  struct stat holder{};
  const bool known = ::fstat(folder_, &own) == 0 && ::fstat(above, &holder) == 0;
  const int failed = known && own.st_dev != holder.st_dev ? 0 : ::fsync(above);
  (void)::close(above);
  return failed;
}

// That a folder is gone, with all names in it, lies in the one in which it stood. A device that was
// opened in it is another matter: its name is to be made durable, and is not there. Under the lock,
// or a folder that is made meanwhile would be taken for one that has lost its devices.
Result<int> Directory::open_folder(const std::string& folder) {
  const std::lock_guard lock(mutex_);
  for (std::string at = folder;; at = folder_of(at)) {
    const std::string path = at.empty() ? path_ : path_of(at);
    const int file = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file >= 0) return file;
    if (!is_absence(errno) || at.empty() || has_devices_in(at)) {
      return Error{Errc::io, "a folder of devices cannot be opened"};
    }
  }
}

bool Directory::has_devices_in(const std::string& folder) const {
  const auto first = devices_.lower_bound(folder + "/");
  return first != devices_.end() && first->first.starts_with(folder + "/");
}

std::string Directory::path_of(std::string_view name) const {
  return path_ + "/" + std::string(name);
}

namespace {

bool is_valid_name(std::string_view name) {
  constexpr size_t kLengthMax = 200;
  if (name.empty() || name.size() > kLengthMax) return false;
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '/' || c == '-';
  };
  if (!std::all_of(name.begin(), name.end(), is_allowed)) return false;
  for (size_t from = 0; from <= name.size();) {
    const size_t until = std::min(name.find('/', from), name.size());
    const std::string_view component = name.substr(from, until - from);
    if (component.empty() || component == "." || component == "..") return false;
    from = until + 1;
  }
  return true;
}

template <typename Visit>
Result<void> each_entry(const std::string& directory, const Visit& visit) {
  std::error_code error;
  std::filesystem::recursive_directory_iterator at(directory, error);
  for (const std::filesystem::recursive_directory_iterator end; !error && at != end;
       at.increment(error)) {
    std::string name = at->path().lexically_relative(directory).string();
    if (!is_valid_name(name)) {
      at.disable_recursion_pending();
      continue;
    }
    std::error_code dangling;  // a link that leads nowhere is no folder
    const bool is_folder = at->is_directory(dangling);
    if (dangling && !is_absence(dangling.value()) && dangling.value() != ELOOP) {
      error = dangling;
      break;
    }
    visit(std::move(name), is_folder);
  }
  if (!error) return {};
  // That a folder is missing in which names were looked for does not mean that there are none.
  const Errc code = errc_of(error.value());
  return Error{code == Errc::no_memory ? code : Errc::io, "the names of devices cannot be listed"};
}

std::string folder_of(std::string_view name) {
  const size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(name.substr(0, slash));
}

}  // namespace
}  // namespace orrery::engine
