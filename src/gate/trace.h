// The trace of a proposal: one id that every program which touches it notes in its log (field trace_id), so that what
// they noted can be joined, whichever machine they ran on.
//
//   TraceIdOf(proposal)                       "9f86d081884c7d659a2feaa0c55ad015"
//   ParseTraceParent("00-4bf9…4736-00f0…02b7-01")->trace_id
//
// It is the first 16 bytes of the digest of the proposal's signed statement, in the form of W3C Trace Context. So
// nobody has to pass it on, nobody can forge it, and whoever has the ledger can compute it. A caller that has a trace
// of its own (TRACEPARENT, a traceparent header) is noted beside it.
//
// Thread safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "audit/records.h"

namespace pawl::gate {

std::string TraceIdOf(const audit::Proposal& proposal);

struct TraceParent {
  std::string trace_id;  // 32 hexadecimal digits
  std::string span_id;   // 16
};
// Nothing where it is not one that W3C Trace Context (version 00, or a later one that begins like it) accepts.
std::optional<TraceParent> ParseTraceParent(std::string_view text);

}  // namespace pawl::gate
