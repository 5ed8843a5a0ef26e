// SPDX-License-Identifier: Apache-2.0
#include "engine/store/options.hpp"

#include <bit>

#include "engine/base/bytes.hpp"

namespace orrery::engine {
namespace {

// The text of what is wrong, or null.
const char* complaint(const StoreOptions& options);
const char* complaint_about_devices(const StoreOptions& options);
const char* complaint_about_operations(const StoreOptions& options);

}  // namespace

Result<void> validate(const StoreOptions& options) {
  const char* text = complaint(options);
  if (text == nullptr) text = complaint_about_devices(options);
  if (text == nullptr && options.log_operations) text = complaint_about_operations(options);
  if (text == nullptr) return {};
  return Error{Errc::invalid, text};
}

namespace {

const char* complaint(const StoreOptions& options) {
  if (options.page_bits < 6 || options.page_bits > 30) return "page_bits is not in 6..30";
  if (options.memory_bits <= options.page_bits) return "memory_bits leaves fewer than two pages";
  if (options.memory_bits > 44) return "memory_bits is above 44";
  if (options.memory_bits - options.page_bits > 24) return "memory_bits asks for too many pages";
  const uint32_t slots = 1U << (options.memory_bits - options.page_bits);
  if (options.empty_pages >= slots) return "empty_pages leaves no page";
  if (options.mutable_permille > 1000) return "mutable_permille is above 1000";
  if (options.index_bits > 30) return "index_bits is above 30";
  if (options.tag_bits > 14) return "tag_bits is above 14";
  if (options.width_bits < 8 || options.width_bits > 64) return "width_bits is not in 8..64";
  if (options.parked_pages_max > 65536) return "parked_pages_max is above 65536";
  if (options.epoch_slots < 1 || options.epoch_slots > 4096) return "epoch_slots is not in 1..4096";
  if (options.first_address < kFirstValid) return "first_address is below 64";
  if (options.first_address % kRecordAlign != 0) return "first_address is no multiple of 8";
  const LogAddr last = kAddrEnd - (LogAddr{4} << options.page_bits);
  if (options.first_address > last) return "first_address is too near the end of all addresses";
  return nullptr;
}

const char* complaint_about_devices(const StoreOptions& options) {
  if (!std::has_single_bit(options.sector_size) || options.sector_size < 8 ||
      options.sector_size > 4096) {
    return "sector_size is no power of two in 8..4096";
  }
  if (options.segment_bits > 62) return "segment_bits is above 62";
  const uint64_t page = round_up(uint64_t{1} << options.page_bits, options.sector_size);
  if ((uint64_t{1} << options.segment_bits) < page) return "a segment is smaller than a page";
  if (options.throttle_ms < -1) return "throttle_ms is below -1";
  if (options.main_io.attempts < 1 || options.main_io.attempts > 16) {
    return "main_io.attempts is not in 1..16";
  }
  if (options.main_io.retry_delay_us > 10'000'000) {
    return "main_io.retry_delay_us is above 10,000,000";
  }
  if (options.checkpoints_kept > 16) return "checkpoints_kept is above 16";
  if (options.first_token == 0) return "first_token is zero";
  if (options.prefix.empty() || options.prefix.size() > 100) {
    return "prefix does not have 1..100 characters";
  }
  return nullptr;
}

const char* complaint_about_operations(const StoreOptions& options) {
  if (options.log_page_bits < 6 || options.log_page_bits > 30) {
    return "log_page_bits is not in 6..30";
  }
  if (options.log_memory_bits <= options.log_page_bits) {
    return "log_memory_bits leaves fewer than two pages";
  }
  if (options.log_memory_bits > 44) return "log_memory_bits is above 44";
  if (options.log_memory_bits - options.log_page_bits > 24) {
    return "log_memory_bits asks for too many pages";
  }
  const uint64_t page = round_up(uint64_t{1} << options.log_page_bits, options.sector_size);
  if ((uint64_t{1} << options.segment_bits) < page) {
    return "a segment is smaller than a page of the log of operations";
  }
  if (options.prefix.size() > 96) return "prefix does not have 1..96 characters";
  return nullptr;
}

}  // namespace
}  // namespace orrery::engine
