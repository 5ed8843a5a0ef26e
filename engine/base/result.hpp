// SPDX-License-Identifier: Apache-2.0
// What the world may do to us, as a value: Result<T> holds a value or an Error.
//
// The member names are those of std::expected, so that it can take this place once both compilers
// have it. An Error is small and plain: it travels through completions and across tasks without
// allocation. TRY(expression) returns early with the error of a Result; TRY_ASSIGN(auto x,
// expression) also names the value.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/base/check.hpp"

namespace orrery::engine {

enum class Errc : uint8_t {
  ok,         // only inside a completion; never in an Error
  io,         // the device failed the request; its effect is unknown
  no_space,   // the device is full
  no_memory,  // Memory or Frames refused
  not_found,  // no such name, no such key
  exists,     // a name is taken, a folder in use, a checkpoint already running
  corrupt,    // bytes that fail their checksum or make no sense
  invalid,    // the caller's argument is out of its range
  cancelled,  // the request was cancelled, or its owner closed
  uncertain,  // it may have happened, and may not: only a recovery will tell
  too_large,  // a record that does not fit a page, an address past the end of the log
};

/// The name of a code, as it appears in reports: "io", "no_space", ...
std::string_view name_of(Errc code);

struct [[nodiscard]] Error {
  Errc code = Errc::io;
  const char* what = "";  // static text: what failed, without numbers
  int64_t where = -1;     // an offset or address, -1 where there is none

  friend bool operator==(const Error&, const Error&) = default;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : value_(std::move(value)) {}  // NOLINT: a value is a Result
  Result(Error error) : error_(error) {}         // NOLINT: so is an Error

  bool has_value() const { return value_.has_value(); }
  explicit operator bool() const { return has_value(); }

  // Requires: has_value().
  T& value() & {
    VERIFY(has_value(), "value() of a Result that holds the error {}", error_.what);
    return *value_;
  }
  T&& value() && {
    VERIFY(has_value(), "value() of a Result that holds the error {}", error_.what);
    return std::move(*value_);
  }
  const T& value() const& {
    VERIFY(has_value(), "value() of a Result that holds the error {}", error_.what);
    return *value_;
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Requires: !has_value().
  const Error& error() const {
    VERIFY(!has_value(), "error() of a Result that holds a value");
    return error_;
  }

 private:
  std::optional<T> value_;
  Error error_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(error), failed_(true) {}  // NOLINT: an Error is a Result

  bool has_value() const { return !failed_; }
  explicit operator bool() const { return has_value(); }
  void value() const { VERIFY(!failed_, "value() of a Result that holds {}", error_.what); }
  const Error& error() const {
    VERIFY(failed_, "error() of a Result that holds a value");
    return error_;
  }

 private:
  Error error_;
  bool failed_ = false;
};

}  // namespace orrery::engine

#define ORRERY_JOIN_(a, b) a##b
#define ORRERY_JOIN(a, b) ORRERY_JOIN_(a, b)

/// Evaluates a Result; returns its error from this function if it has one.
#define TRY(expression)                                     \
  do {                                                      \
    auto&& try_result = (expression);                       \
    if (!try_result.has_value()) return try_result.error(); \
  } while (false)

/// TRY_ASSIGN(auto x, f()): x is the value of f(), or this function returns f()'s error.
#define TRY_ASSIGN(declaration, expression) \
  TRY_ASSIGN_IMPL(declaration, expression, ORRERY_JOIN(try_result_, __LINE__))
#define TRY_ASSIGN_IMPL(declaration, expression, temporary) \
  auto temporary = (expression);                            \
  if (!temporary.has_value()) return temporary.error();     \
  declaration = std::move(temporary).value()
