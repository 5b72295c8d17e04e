#include "authoring/charter_interview.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "subject/testing.h"

namespace pawl::authoring {
namespace {

using testing::HasSubstr;

class Interview : public testing::Test {
 protected:
  Interview() {
    directory_.Write("My Subject/policy.json", "{}");
    directory_.Write(".ssh/id_ed25519.pub", "ssh-ed25519 AAAA");
    directory_.Write("evaluate.py", "pass");
    setenv("HOME", directory_.path().c_str(), 1);
  }
  std::string Fill(const std::string& answers, const std::set<std::string>& given = {}) {
    std::istringstream in(answers);
    out_.str("");
    return subject::RuleOf(CharterInterview(in, out_).Fill(options_, given));
  }

  subject::TemporaryDirectory directory_;
  NewCharterOptions options_;
  std::ostringstream out_;
};

TEST_F(Interview, EnterTakesWhatStandsInBrackets) {
  ASSERT_EQ(Fill(directory_ / "My Subject" + "\n\nyes\n\n\n\n\n\n\n\n\n"), "ok");
  EXPECT_EQ(options_.name, "my-subject");
  EXPECT_TRUE(options_.single_operator);
  EXPECT_EQ(options_.operator_key, directory_ / ".ssh/id_ed25519.pub");
  EXPECT_EQ(options_.max_step, "0.02");
  EXPECT_THAT(out_.str(), HasSubstr("[24h]"));
}

TEST_F(Interview, WhatWasGivenIsNotAsked) {
  options_.tree = directory_ / "My Subject";
  options_.name = "x";
  options_.single_operator = true;
  options_.operator_key = "k";
  options_.evaluator = "e";
  options_.min_interval = "1h";
  ASSERT_EQ(Fill("0.05\n0.03\n0.9\n0.2\n2h\n",
                 {"--subject", "--name", "--single-operator", "--key", "--evaluator", "--min-interval"}),
            "ok");
  EXPECT_EQ(options_.harm_limit, "0.05");
  EXPECT_EQ(options_.drift_limit, "0.2");
  EXPECT_EQ(options_.min_interval, "1h");
  EXPECT_EQ(options_.waiting_period, "2h");
}

TEST_F(Interview, WithoutTrialsNothingIsAskedAboutThem) {
  options_.trials = false;
  ASSERT_EQ(Fill(directory_ / "My Subject" + "\n\nyes\n\n0.5\n2h\n\n"), "ok");
  EXPECT_EQ(options_.drift_within, "0.5");
  EXPECT_EQ(options_.min_interval, "2h");
  EXPECT_EQ(out_.str().find("score"), std::string::npos);
  EXPECT_EQ(out_.str().find("evaluator"), std::string::npos);
}

TEST_F(Interview, WhatDoesNotFitIsAskedAgain) {
  ASSERT_EQ(
      Fill("/no/such/folder\n" + (directory_ / "My Subject") + "\nname\nperhaps\nyes\n/no/key\n\n/no/evaluator\n" +
           (directory_ / "evaluate.py") + "\na lot\n0.02\n\n\n\nsoon\n2h\n\n"),
      "ok");
  EXPECT_EQ(options_.evaluator, directory_ / "evaluate.py");
  EXPECT_EQ(options_.harm_limit, "0.02");
  EXPECT_EQ(options_.min_interval, "2h");
  for (const char* why : {"no such directory", "yes or no?", "no such file", "no number", "no duration"}) {
    EXPECT_THAT(out_.str(), HasSubstr(why));
  }
}

TEST_F(Interview, TheEndOfInputWritesNothing) {
  EXPECT_EQ(Fill(""), "new.interrupted");
  EXPECT_EQ(Fill(directory_ / "My Subject" + "\n"), "new.interrupted");
}

}  // namespace
}  // namespace pawl::authoring
