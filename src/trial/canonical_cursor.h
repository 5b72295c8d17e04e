// Reads canonical JSON (json.h) where it lies, from front to back and without a tree: for texts of which a log has many
// and that somebody has accepted as canonical before, such as the payload of a statement that was folded.
//
//   CanonicalCursor at(R"({"from":"left","share":"0.25","steps":[{"k":1},{"k":2}]})");
//   at.BeginObject();
//   const std::string from = at.String("from", 64);
//   const double share = at.Number("share");
//   for (at.BeginArray("steps"); at.NextElement(steps.size(), 10);) {
//     at.BeginObject();
//     steps.push_back(at.Integer("k", 0));
//     at.EndObject();
//   }
//   at.EndObject();
//   if (Result<void> done = at.Finish(); !done.ok()) return done.error();
//
// Members are asked for in the order of their names, which is the order in which canonical JSON has them: one that is
// missing, unknown, twice or out of place is another than the one that is asked for there, and is refused. After the
// first failure every getter returns an empty value, and nothing that was read may be used before SoFar() or Finish()
// has succeeded.
//
// Whether the text is canonical is not looked at: ParseCanonicalJson does that. No text, whatever it is, makes a cursor
// read beyond its end. The text must outlive the cursor. Thread safety: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "encoding/json.h"
#include "result/result.h"

namespace pawl::trial {

class CanonicalCursor {
 public:
  explicit CanonicalCursor(std::string_view canonical) : text_(canonical) {}

  // An object that is the whole text, an element, a member, or where Seek has led.
  void BeginObject() { Expect("{"); }
  void BeginObject(std::string_view name);
  void EndObject() { Expect("}"); }

  void BeginArray(std::string_view name);
  // Whether another element begins; false at the end of the array and after a failure. `before` are those read so far;
  // more than `count_max` are a failure.
  bool NextElement(std::size_t before, std::size_t count_max);

  // Whether the next member is called this; for optional ones.
  bool Has(std::string_view name) const { return ValueOf(name) != std::string_view::npos; }

  // Passes over members up to the value of this one; false where the object ends before.
  bool Seek(std::string_view name);

  // Members. "json.member" for another than the one that is asked for, or of another type; "json.member-range" for a
  // value out of its limits.
  std::string String(std::string_view name, std::size_t bytes_max);
  std::int64_t Integer(std::string_view name, std::int64_t min, std::int64_t max = encoding::kJsonIntegerMax);
  double Number(std::string_view name);  // a decimal string of number.h
  template <typename T>
  T Choice(std::string_view name, std::initializer_list<std::pair<std::string_view, T>> choices) {
    BeginMember(name);
    const std::string_view word = Quoted();
    for (const auto& [text, value] : choices) {
      if (text == word) return value;
    }
    Fail("json.member-range", name);
    return choices.begin()->second;
  }

  // The first failure.
  Result<void> SoFar() const;
  // The same, and that the text ends here.
  Result<void> Finish() const;

 private:
  char Next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void Fail(const char* rule, std::string_view name);
  void Expect(std::string_view expected);
  void Separate();
  std::size_t ValueOf(std::string_view name) const;
  void BeginMember(std::string_view name);
  std::string_view Quoted();  // what stands between its quotes, escapes as they are
  void PassValue();

  std::string_view text_;
  std::size_t at_ = 0;  // the end of the text after a failure
  const char* rule_ = nullptr;
  std::string where_;
};

}  // namespace pawl::trial
