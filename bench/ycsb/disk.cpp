// SPDX-License-Identifier: Apache-2.0
#include "bench/ycsb/disk.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "bench/ycsb/engine.hpp"
#include "engine/base/check.hpp"

namespace orrery::bench {
namespace {

constexpr size_t kBlock = size_t{4} << 20;
constexpr size_t kAlignment = 4096;
constexpr int kSeveral = 4;

struct Freed {
  void operator()(void* block) const { free(block); }
};
using Block = std::unique_ptr<void, Freed>;

Block touched_block() {
  void* block = nullptr;
  CHECK(posix_memalign(&block, kAlignment, kBlock) == 0, "no memory of {} bytes", kBlock);
  std::memset(block, 1, kBlock);
  return Block(block);
}

off_t offset_of(int block) { return static_cast<off_t>(kBlock) * block; }

// Each of the readers takes the next block but as many as there are others.
double read_mib_s(int file, int blocks, int readers) {
  std::vector<Block> memory;
  for (int i = 0; i < readers; ++i) memory.push_back(touched_block());
  std::vector<std::thread> threads;
  const auto begun = Clock::now();
  for (int reader = 0; reader < readers; ++reader) {
    threads.emplace_back([=, to = memory[static_cast<size_t>(reader)].get()] {
      for (int i = reader; i < blocks; i += readers) {
        CHECK(pread(file, to, kBlock, offset_of(i)) == ssize_t{kBlock}, "block {} of {}", i,
              blocks);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  return static_cast<double>(kBlock) * blocks / (1 << 20) / seconds;
}

}  // namespace

Sequential sequential_mib_s(const std::string& folder, uint64_t bytes) {
  const auto blocks = static_cast<int>(std::clamp<uint64_t>(bytes / kBlock, 1, 128));
  const std::string path = folder + "/sequential";
  int file = open(path.c_str(), O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
  // Not every file system lets one past the page cache.
  if (file < 0) file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  CHECK(file >= 0, "no file at {}", path);
  const Block block = touched_block();
  for (int i = 0; i < blocks; ++i) {
    CHECK(pwrite(file, block.get(), kBlock, offset_of(i)) == ssize_t{kBlock}, "{}", path);
  }
  fsync(file);
  const Sequential sequential{read_mib_s(file, blocks, 1), read_mib_s(file, blocks, kSeveral)};
  close(file);
  unlink(path.c_str());
  return sequential;
}

uint64_t read_so_far() {
  std::ifstream file("/proc/self/io");
  for (std::string name; file >> name;) {
    uint64_t count = 0;
    file >> count;
    if (name == "read_bytes:") return count;
  }
  return 0;
}

}  // namespace orrery::bench
