// SPDX-License-Identifier: Apache-2.0
// What other tasks do between two points of an operation, in a runtime of one thread.
#pragma once

#include <cstring>
#include <functional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "engine/runtime/points.hpp"

namespace orrery::engine::testing {

/// For as long as it lives: calls `others` once, right before the so many-th visible operation that
/// a function makes from now on.
class Interrupter final : public Points {
 public:
  Interrupter(std::string_view function, int point, std::function<void()> others)
      : function_(function), points_left_(point), others_(std::move(others)) {
    current_points = this;
  }
  ~Interrupter() { current_points = nullptr; }
  Interrupter(const Interrupter&) = delete;
  Interrupter& operator=(const Interrupter&) = delete;

  bool has_interrupted() const { return points_left_ <= 0; }

  void expired(Site site) override {
    left = 1;  // it is asked at every point
    if (has_interrupted()) return;
    if (std::string_view(site.function_name()).find(function_) == std::string_view::npos) return;
    if (--points_left_ == 0) others_();
  }
  void copy_large(std::byte* target, const std::byte* source, size_t length) override {
    std::memcpy(target, source, length);
  }
  void note(const Note&, Site) override {}
  void enter_actor(const Name&) override {}
  void leave_actor() override {}
  [[noreturn]] void bad_access(const Frame*, uint64_t, int64_t, int64_t, int64_t, Site) override {
    throw std::logic_error("an access to a page that is not there");
  }

 private:
  std::string_view function_;
  int points_left_;
  std::function<void()> others_;
};

}  // namespace orrery::engine::testing
