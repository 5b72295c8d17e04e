#include "gate/trace.h"

#include <gtest/gtest.h>

#include "crypto/digest.h"

namespace pawl::gate {
namespace {

audit::Proposal SomeProposal() {
  audit::Proposal proposal;
  proposal.about = {.subject = "engine", .digest = crypto::Sha256("tree")};
  proposal.proposal = "p7";
  proposal.action = warrant::Action::kRelease;
  proposal.tree = crypto::Sha256("tree");
  proposal.diff = crypto::Sha256("diff");
  proposal.note = "wider";
  proposal.time = 1'700'000'000;
  return proposal;
}

TEST(Trace, IsTheBeginningOfTheStatementsDigest) {
  const audit::Proposal proposal = SomeProposal();
  const std::string trace = TraceIdOf(proposal);
  EXPECT_EQ(trace, crypto::Sha256(audit::WriteProposal(proposal)).Hex().substr(0, 32));
  // Whoever reads the statement from the log computes the same.
  const Result<audit::Proposal> read = audit::ReadProposal(audit::WriteProposal(proposal));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(TraceIdOf(*read), trace);
  audit::Proposal other = proposal;
  other.proposal = "p8";
  EXPECT_NE(TraceIdOf(other), trace);
  EXPECT_TRUE(ParseTraceParent("00-" + trace + "-00f067aa0ba902b7-01")) << "W3C takes it";
}

TEST(Trace, ReadsWhatCallersSend) {
  const std::string id = "4bf92f3577b34da6a3ce929d0e0e4736", span = "00f067aa0ba902b7";
  const std::optional<TraceParent> parent = ParseTraceParent("00-" + id + "-" + span + "-01");
  ASSERT_TRUE(parent);
  EXPECT_EQ(parent->trace_id, id);
  EXPECT_EQ(parent->span_id, span);
  EXPECT_TRUE(ParseTraceParent("cc-" + id + "-" + span + "-01-what comes later")) << "a later version";
  for (const std::string& wrong :
       {std::string(), "00-" + id, "00-" + id + "-" + span, "00-" + id + "-" + span + "-1",
        "00-" + id + "-" + span + "-01-", "00-" + id + "-" + span + "-01 ", "ff-" + id + "-" + span + "-01",
        "cc-" + id + "-" + span + "-01.", "00-" + std::string(32, '0') + "-" + span + "-01",
        "00-" + id + "-" + std::string(16, '0') + "-01", "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + span + "-01",
        "00_" + id + "-" + span + "-01", "00-" + id + "-" + span + "_01", "00-" + id + "_" + span + "-01",
        "zz-" + id + "-" + span + "-01", "00-" + id + "-" + span + "-0\n", std::string(55, '-')}) {
    EXPECT_FALSE(ParseTraceParent(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace pawl::gate
