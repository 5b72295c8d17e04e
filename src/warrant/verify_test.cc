#include "warrant/verify.h"

#include <gtest/gtest.h>

#include "warrant/path_for_test.h"

namespace pawl::warrant {
namespace {

TEST(Verify, AcceptsTheWholePath) {
  Path path = Path::WithTwoReleases();
  const MadeWarrant made = path.Make({.tree = path.third});
  const WarrantVerdict verdict = path.Ask(made);
  EXPECT_TRUE(verdict.accepted) << verdict.reason.rule << ": " << verdict.reason.message;
}

}  // namespace
}  // namespace pawl::warrant
