// What `pawl incidents run` reads in a charter of others: each protection is missed where it alone is taken out.
#include "incidents/scenarios.h"

#include <gtest/gtest.h>

#include "charter/testing.h"

namespace pawl::incidents {
namespace {

// The incidents of which the charter has no protection.
std::string Lacking(const charter::TestCharter& test) {
  const Result<charter::Charter> charter = test.Read();
  if (!charter.ok()) return charter.error().message;
  std::string ids;
  for (const Protection& protection : ProtectionsOf(*charter)) {
    EXPECT_FALSE(protection.reason.empty()) << protection.id;
    if (!protection.holds) ids += (ids.empty() ? "" : " ") + protection.id;
  }
  return ids;
}

charter::TestCharter Good() {
  charter::TestCharter test;
  test.Replace("path = \"improver/**\"\nkind = \"text\"", "path = \"improver/**\"\nkind = \"json\"");
  return test;
}

TEST(Protections, AreFoundWhereTheyAre) {
  EXPECT_EQ(Lacking(Good()), "");
  // Code may change, and runs in a sandbox of its own.
  charter::TestCharter apart;
  apart.Replace("probes = 2000\n", "probes = 2000\nsubject_command = [\"/usr/bin/python3\", \"main.py\"]\n");
  EXPECT_EQ(Lacking(apart), "");
}

TEST(Protections, AreMissedOneByOne) {
  EXPECT_EQ(Lacking(Good().Replace("[bounds.harm]\nmetric = \"near_miss\"", "[bounds.harm]\nmetric = \"score\"")),
            "T1");
  EXPECT_EQ(Lacking(charter::TestCharter()), "T5 T10");
  charter::TestCharter any;
  any.Replace("path = \"improver/**\"\nkind = \"text\"\nmay_add = true\nmax_changed_lines = 200",
              "path = \"improver/**\"\nkind = \"any\"\nmay_add = true");
  EXPECT_EQ(Lacking(any), "T5 T10");
  charter::TestCharter unheard = Good();
  unheard.Replace("role = \"evaluator\", at_least = 1", "role = \"evaluator\", at_least = 1, against_max = 1");
  unheard.Append(
      "\n[[reviewer]]\nname = \"evaluator-b\"\nprincipal = \"bob@example.org\"\nrole = \"evaluator\"\nkey = \"" +
      charter::TestNoteKey("evaluator-b", '6') + "\"\n");
  EXPECT_EQ(Lacking(unheard), "T19");
  EXPECT_EQ(Lacking(Good().Replace("[approval]\n", "[approval]\npresence = \"software\"\n")), "T23");
}

}  // namespace
}  // namespace pawl::incidents
