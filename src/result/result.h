// Errors as values.
//
//   Result<Network> network = ReadNetwork(bytes, limits);
//   if (!network.ok()) return network.error();
//   Use(*network);
//
// A function that can fail for a reason outside the program returns Result<T>. Nothing in Pawl throws; exceptions of
// third-party code are caught where that code is called and become an Error there. Asserts are for programmer errors
// and are never reachable from input.
//
// Thread safety: values, no shared state.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace pawl {

// What kind of thing went wrong. Closed: every switch over it names every value. exit_code.h maps it to a process exit
// status, and nothing else does.
enum class ErrorCode {
  kUsage,      // the caller asked for something that makes no sense; mend the command
  kMalformed,  // the bytes are not what they claim to be; mend the file
  kLimit,      // a stated limit of size, depth, work or time was reached before an answer was found
  kUnknown,    // the work ended without an answer either way
  kRefused,    // understood, and the answer is no
  kNotFound,   // a named thing does not exist
  kPending,    // no answer yet: somebody or something has to act first
  kSystem,     // the machine failed us (disk, permissions, a missing program); mend the machine and try again
  kInternal,   // a bug in Pawl
};

// One failure.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  // The rule that was broken, as a stable, lower-case, dotted name ("warrant.signature-missing", "onnx.truncated").
  // Scripts and tests may rely on it; message and advice may change.
  std::string rule;
  // What happened, with the offending value where that helps, in one sentence without a final newline.
  std::string message;
  // What the caller should do about it; may be empty where the message says it.
  std::string advice;
};

// Either a value or an Error. Moved-from results may only be destroyed or assigned to.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Requires ok().
  T& value() & {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    assert(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Requires !ok().
  const Error& error() const {
    assert(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

// Success without a value, or an Error. `return {};` is success.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }

  // Requires !ok().
  const Error& error() const {
    assert(!ok());
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

// Shorthands that keep error sites to one line.
inline Error Malformed(std::string rule, std::string message, std::string advice = {}) {
  return {ErrorCode::kMalformed, std::move(rule), std::move(message), std::move(advice)};
}
inline Error Refused(std::string rule, std::string message, std::string advice = {}) {
  return {ErrorCode::kRefused, std::move(rule), std::move(message), std::move(advice)};
}
inline Error LimitReached(std::string rule, std::string message, std::string advice = {}) {
  return {ErrorCode::kLimit, std::move(rule), std::move(message), std::move(advice)};
}
inline Error SystemFailure(std::string rule, std::string message, std::string advice = {}) {
  return {ErrorCode::kSystem, std::move(rule), std::move(message), std::move(advice)};
}

}  // namespace pawl
