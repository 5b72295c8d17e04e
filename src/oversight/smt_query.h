// A question to an SMT solver, made of a template in the charter and values in the subject: what would have to be
// possible for the property to be broken. It holds where solvers say "unsat".
//
//   Result<SmtQuery> query = MakeSmtQuery(template_text, [&](SmtSide side, const std::string& path) { … });
//   // query->text ends in (check-sat)
//
// A template is SMT-LIB 2.6 without (check-sat), with directives on lines of their own:
//
//   ;@ value LIMIT Int limits.json /seconds
//   ;@ value OLD_LIMIT Int parent limits.json /seconds
//   ;@ any allowed ((tool String) (size Int)) permissions.json /allow (and (= tool {/tool}) (<= size {/bytes}))
//   ;@ show tool size
//
// `value` defines a constant of sort Int, Real, Bool or String. `any` defines a predicate that holds where it does for
// one member of an array; {/tool} is the value at that pointer (RFC 6901) in the member, {} the member itself, and
// {Real /rate} a number written as one of sort Real, be it whole or not. `parent` takes the file of the live release
// instead of the candidate's; for a first release both are the same. `show` lists what a person wants to see of a
// counterexample.
//
// A file of the subject is JSON or TOML as subject_values.h reads it, no name twice. The members that no directive
// looks at are refused ("smt.unlooked"), in the file and in each member of an array: what is not asked about could mean
// anything to the program that reads it. Values are written as SMT-LIB literals, so nothing in them can become part of
// the question.
//
// Thread safety: pure functions.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "result/result.h"

namespace pawl::oversight {

enum class SmtSide { kCandidate, kParent };

// The bytes of a file of the subject; kNotFound where there is none.
using SmtFileReader = std::function<Result<std::string>(SmtSide side, const std::string& path)>;

struct SmtQuery {
  std::string text;
  std::vector<std::string> shown;  // terms of `show`
};

// kMalformed "smt.template": the charter's fault. kRefused "smt.value", "smt.unlooked", "smt.file": the candidate's,
// and the property does not hold. Others are the reader's.
Result<SmtQuery> MakeSmtQuery(std::string_view template_text, const SmtFileReader& read);

}  // namespace pawl::oversight
