// SPDX-License-Identifier: Apache-2.0
#include "cli/whole_rows.hpp"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace orrery::cli {
namespace {

void wait_for_reader();
void take_back(size_t bytes);

}  // namespace

void WholeRows::add(uint64_t run, const std::string& lines) {
  if (!wrong_.empty()) {
    first_missing_ = std::min(first_missing_, run);
    return;
  }
  text_ += lines;
  rows_.push_back({run, text_.size()});
}

void WholeRows::flush() {
  if (!wrong_.empty()) return;
  out_.flush();  // what was said before comes before
  const size_t written = write_all();
  if (written < text_.size()) give_up(written);
  text_.clear();
  rows_.clear();
}

// Returns how much was taken; if that is not all, it is known why.
size_t WholeRows::write_all() {
  size_t written = 0;
  while (written < text_.size()) {
    const ssize_t taken = write(STDOUT_FILENO, text_.data() + written, text_.size() - written);
    if (taken > 0) {
      written += static_cast<size_t>(taken);
    } else if (taken < 0 && errno == EAGAIN) {
      wait_for_reader();
    } else if (taken == 0 || errno != EINTR) {
      wrong_ = taken == 0 ? "nothing was taken" : strerror(errno);
      break;
    }
  }
  return written;
}

void WholeRows::give_up(size_t written) {
  size_t whole = 0;
  for (const Row& row : rows_) {
    if (row.end <= written) {
      whole = row.end;
    } else {
      first_missing_ = std::min(first_missing_, row.run);
    }
  }
  take_back(written - whole);
  out_.setstate(std::ios::badbit);
}

namespace {

// Whoever made the other end of a pipe gave it to us as one that does not wait.
void wait_for_reader() {
  pollfd watched{STDOUT_FILENO, POLLOUT, 0};
  poll(&watched, 1, -1);
}

// Of a regular file, if nobody has written behind us: elsewhere what was taken is gone. The place
// to write at goes back as well, for it may be that of others (2>&1), and a hole would be left.
void take_back(size_t bytes) {
  struct stat status{};
  const off_t at = lseek(STDOUT_FILENO, 0, SEEK_CUR);
  if (bytes == 0 || at < 0 || fstat(STDOUT_FILENO, &status) != 0) return;
  if (!S_ISREG(status.st_mode) || status.st_size != at) return;
  const off_t end = at - static_cast<off_t>(bytes);
  if (end >= 0 && ftruncate(STDOUT_FILENO, end) == 0) lseek(STDOUT_FILENO, end, SEEK_SET);
}

}  // namespace
}  // namespace orrery::cli
