#include "result/exit_code.h"

#include <gtest/gtest.h>

namespace pawl {
namespace {

TEST(ExitCode, BatchReturnsTheWorstInTheDocumentedOrder) {
  const ExitCode order[] = {ExitCode::kInternal, ExitCode::kMalformed, ExitCode::kNo,
                            ExitCode::kLimit,    ExitCode::kPending,   ExitCode::kYes};
  for (int i = 0; i < 6; ++i) {
    for (int j = i; j < 6; ++j) {
      EXPECT_EQ(Worst(order[i], order[j]), order[i]);
      EXPECT_EQ(Worst(order[j], order[i]), order[i]);
    }
  }
}

TEST(ExitCode, NothingButSuccessIsZero) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    EXPECT_NE(ExitCodeFor(static_cast<ErrorCode>(code)), ExitCode::kYes);
  }
}

TEST(Result, HoldsAValueOrAnError) {
  Result<std::string> good = std::string("x");
  EXPECT_TRUE(good.ok());
  EXPECT_EQ(*good, "x");
  Result<std::string> bad = Malformed("a.b", "no");
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().rule, "a.b");
  Result<void> nothing;
  EXPECT_TRUE(nothing.ok());
}

}  // namespace
}  // namespace pawl
