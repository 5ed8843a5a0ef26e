// SPDX-License-Identifier: Apache-2.0
// What a process may be short of, for as long as one of these lives. Nothing is to be reported
// meanwhile: the limits are those of the test as well.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>

namespace orrery::tests {

/// No more of a resource than `most`.
class Limit {
 public:
  using Kind = decltype(RLIMIT_NOFILE);
  Limit(Kind kind, size_t most) : kind_(kind) {
    if (getrlimit(kind_, &before_) != 0) throw std::runtime_error("a limit is not known");
    rlimit limit = before_;
    limit.rlim_cur = most;
    setrlimit(kind_, &limit);
  }
  ~Limit() { setrlimit(kind_, &before_); }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;

 private:
  Kind kind_;
  rlimit before_{};
};

/// No descriptor is opened whose number is not below `count`.
class FewDescriptors {
 public:
  explicit FewDescriptors(size_t count) : limit_(RLIMIT_NOFILE, count) {}

 private:
  Limit limit_;
};

class IgnoredSignal {
 public:
  explicit IgnoredSignal(int number) : number_(number), before_(std::signal(number, SIG_IGN)) {}
  ~IgnoredSignal() { std::signal(number_, before_); }
  IgnoredSignal(const IgnoredSignal&) = delete;
  IgnoredSignal& operator=(const IgnoredSignal&) = delete;

 private:
  int number_;
  void (*before_)(int);
};

/// No file grows beyond `most` bytes, and none takes one there.
class SmallFiles {
 public:
  explicit SmallFiles(size_t most) : ignored_(SIGXFSZ), limit_(RLIMIT_FSIZE, most) {}

 private:
  IgnoredSignal ignored_;  // outlives the limit
  Limit limit_;
};

/// No file takes a byte, as on a full disk.
class FullDisk {
 public:
  FullDisk() : files_(0) {}

 private:
  SmallFiles files_;
};

/// Calls `body` where only this thread, and those that it starts, see what `mounts` has mounted.
/// False if this process may not mount.
template <typename Mounts, typename Body>
bool run_mounted(const Mounts& mounts, const Body& body) {
  bool could = false;
  std::thread([&] {
    could = unshare(CLONE_NEWNS) == 0 &&
            mount("none", "/", nullptr, MS_REC | MS_PRIVATE, "") == 0 && mounts();
    if (could) body();
  }).join();
  return could;
}

/// Calls `body` where this folder is mounted read-only. False if this process may not mount.
template <typename Body>
bool run_read_only(const std::string& folder, const Body& body) {
  const char* const path = folder.c_str();
  const auto mounts = [&] {
    constexpr unsigned long kAgain = MS_BIND | MS_REMOUNT | MS_RDONLY;
    return mount(path, path, nullptr, MS_BIND, "") == 0 &&
           mount(path, path, nullptr, kAgain, "") == 0;
  };
  return run_mounted(mounts, body);
}

/// Calls `body` where this folder is a file system of so many bytes. False if this process may not
/// mount.
template <typename Body>
bool run_on_small_disk(const std::string& folder, size_t size, const Body& body) {
  const std::string data = "size=" + std::to_string(size);
  const auto mounts = [&] { return mount("none", folder.c_str(), "tmpfs", 0, data.c_str()) == 0; };
  return run_mounted(mounts, body);
}

/// Calls `body` where the kernel gives nobody a ring (EPERM), as in many containers. False if this
/// process may not be restricted.
template <typename Body>
bool run_without_ring(const Body& body) {
  bool could = false;
  std::thread([&] {  // a filter is a thread's own, and of those that it starts
    constexpr auto kNumber = static_cast<uint32_t>(offsetof(seccomp_data, nr));
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNumber),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{std::size(filter), filter};
    could = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
    if (could) body();
  })
      .join();
  return could;
}

}  // namespace orrery::tests
