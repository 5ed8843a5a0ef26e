# SPDX-License-Identifier: Apache-2.0
"""Breaks of the world that ships, and of what only it runs into: (name, file, text, replacement).

The native tests must notice each (`mutate.py --native`). A test that hangs has noticed, too.
"""

NATIVE_MUTATIONS = [
    ("requests-end-with-their-thread", "engine/real/io_ring.cpp",
     " || result == -ECANCELED) {\n",
     ") {\n"),
    ("rest-of-a-read-stays", "engine/real/io_ring.cpp",
     "    std::memset(io.buffer + ended.done, 0, io.length - ended.done);\n",
     ""),
    ("opened-over-the-killed", "engine/real/file_device.cpp",
     "    if (errno != EWOULDBLOCK) return {};  // a file system without locks\n",
     "    return {};\n"),
    ("lock-of-the-first-alone", "engine/real/file_device.cpp",
     "  (void)flock(file, LOCK_SH);\n",
     ""),
    ("part-counts-as-whole", "engine/real/io_ring.cpp",
     "  if (slot.done < io.length) return std::nullopt;\n",
     ""),
    ("part-from-the-same-place", "engine/real/io_ring.cpp",
     "  const uint64_t offset = io.offset + slot.done;",
     "  const uint64_t offset = io.offset;"),
    ("part-of-the-same-buffer", "engine/real/io_ring.cpp",
     "  std::byte* const buffer = io.buffer + slot.done;",
     "  std::byte* const buffer = io.buffer;"),
    ("next-sync-forgotten", "engine/real/io_ring.cpp",
     "  if (next != nullptr) {\n"
     "    slot.job.io = next;\n"
     "    slot.refusals = 0;\n"
     "    again_.push_back(index);\n"
     "  } else {\n"
     "    free_.push_back(index);\n"
     "  }",
     "  (void)next;\n"
     "  free_.push_back(index);"),
    ("cancelled-and-performed", "engine/real/io_ring.cpp",
     "  job->cancelled = true;\n"
     "  return true;",
     "  return true;"),
    ("cancelled-twice", "engine/real/io_ring.cpp",
     "|| job->cancelled) return false",
     ") return false"),
    ("cancelled-never-ends", "engine/real/io_ring.cpp",
     "      slot.error = Errc::cancelled;\n"
     "      return slot;",
     "      continue;"),
    ("ring-goes-under-who-hands-over", "engine/real/io_ring.cpp",
     "outstanding_ == 0 && !submitting_; });",
     "outstanding_ == 0; });"),
    ("ring-goes-first", "engine/real/io_ring.cpp",
     "    idle_.wait(lock, [this] { return outstanding_ == 0 && !submitting_; });\n",
     ""),
    ("queue-waits-for-a-submit", "engine/real/io_ring.cpp",
     "  pump(lock);\n"
     "  lock.unlock();",
     "  lock.unlock();"),
    ("failed-sync-forgotten", "engine/real/file_device.cpp",
     "  sync_failed_ = sync_failed_ || own != Errc::ok;\n",
     "  (void)own;\n"),
    ("sync-after-a-failed-one", "engine/real/file_device.cpp",
     "    error = sync_failed_ ? Errc::io : Errc::ok;\n"
     "    return true;",
     "    error = Errc::ok;\n"
     "    return true;"),
    ("syncs-at-once", "engine/real/file_device.cpp",
     "  if (!syncing_) {",
     "  if (true) {"),
    ("syncs-lose-their-last", "engine/real/file_device.cpp",
     "  waiting_last_ = &io;\n"
     "  return false;",
     "  return false;"),
    ("syncs-keep-their-last", "engine/real/file_device.cpp",
     "  if (waiting_first_ == nullptr) waiting_last_ = nullptr;\n",
     ""),
    ("direct-from-any-buffer", "engine/real/file_device.cpp",
     "is_aligned(reinterpret_cast<uintptr_t>(buffer))",
     "buffer != nullptr"),
    ("dead-link-ends-the-list", "engine/real/directory.cpp",
     "!is_absence(dangling.value()) && dangling",
     "dangling"),
    ("acknowledged-without-a-commit", "engine/store/store.cpp",
     "  return operations_.commit();\n",
     "  return LogAddr{1};\n"),
    # Only deaths in the middle of a recovery show these two.
    ("older-commit-goes-first", "engine/store/append_log_recovery.cpp",
     "  TRY(log_.write_file(info));\n",
     "  log_.files_.remove_below(info.number);\n"
     "  TRY(log_.write_file(info));\n"),
    ("half-written-commit-is-an-error", "engine/store/append_log_files.cpp",
     "    if (found || found.error().code != Errc::corrupt) return found;\n",
     "    if (found || found.error().code != Errc::io) return found;\n"),
    # What these break is in no contents.
    ("goes-on-in-a-used-version", "engine/store/operation_replay.cpp",
     "  driver_.go_on_in(*replayed + 1);\n",
     "  driver_.go_on_in(*replayed);\n"),
    ("serials-not-replayed", "engine/store/operation_replay.cpp",
     "    TRY(driver_.replayed(operation->session, operation->serial));\n",
     ""),
    # A fence less: the store may become visible after the look that follows it.
    ("leaves-behind-its-look", "engine/store/epoch.cpp",
     "  entry.local_epoch.store(0);",
     "  entry.local_epoch.store(0, std::memory_order_release);"),
    ("renewed-under-the-kernel", "engine/real/mapped_frames.cpp",
     "  if (stays || frame->size",
     "  (void)stays;\n"
     "  if (frame->size"),
    ("unmapped-and-registered", "engine/real/mapped_frames.cpp",
     "  if (carrier_ != nullptr) carrier_->forget(base);\n",
     ""),
    ("numbers-used-up", "engine/real/registered_frames.cpp",
     "  if (updated == 1) free_.push_back(known->second);\n",
     "  (void)updated;\n"),
    ("of-another-frame", "engine/real/io_ring.cpp",
     "      entry->buf_index = static_cast<uint16_t>(slot.job.frame);\n",
     ""),
    ("pool-writes-a-part", "engine/real/file_device.cpp",
     "    if (count == 0) return Errc::io;\n"
     "    done += static_cast<size_t>(count);\n",
     "    done = io.length;\n"),
    ("pool-reads-a-part", "engine/real/file_device.cpp",
     "      break;\n"
     "    }\n"
     "    done += static_cast<size_t>(count);\n",
     "      break;\n"
     "    }\n"
     "    done = io.length;\n"),
    ("failed-and-transferred", "engine/real/file_device.cpp",
     "  io.transferred = error == Errc::ok ? io.length : 0;\n",
     "  io.transferred = io.length;\n"),
    ("told-before-its-file", "engine/store/append_log_commit.cpp",
     "    TRY(write_file(info));\n"
     "    filed_holes_",
     "    publish(info, marks);\n"
     "    TRY(write_file(info));\n"
     "    filed_holes_"),
    ("unlisted-and-none", "engine/real/directory.cpp",
     "    TRY(each_entry(path_, [&](std::string name, bool is_folder) {\n"
     "      if (!is_folder && name.starts_with(prefix)) names.push_back(std::move(name));\n"
     "    }));\n",
     "    (void)each_entry(path_, [&](std::string name, bool is_folder) {\n"
     "      if (!is_folder && name.starts_with(prefix)) names.push_back(std::move(name));\n"
     "    });\n"),
    ("removed-it-says", "engine/real/directory.cpp",
     "    return Error{gone ? Errc::not_found",
     "    if (!gone) return {};\n"
     "    return Error{gone ? Errc::not_found"),
    ("pool-cancels-and-performs", "engine/real/io_pool.cpp",
     "  job->cancelled = true;\n",
     ""),
]
