#include "subject/content_kind.h"

#include <gtest/gtest.h>

#include "subject/testing.h"

namespace pawl::subject {
namespace {

using namespace std::string_literals;

std::string KindOf(const std::string& bytes) { return std::string(ContentKindName(InspectContent(bytes).kind)); }

TEST(ContentKind, NetworksAreKnownByReadingThem) {
  const FileFacts facts = InspectContent(Testdata("policy.onnx"));
  EXPECT_EQ(facts.kind, ContentKind::kNetwork);
  EXPECT_EQ(facts.operators, (std::vector<std::string>{"Gemm", "Relu"}));
  EXPECT_EQ(facts.parameter_count, 17u);
  std::string bytes = Testdata("policy_tanh.onnx");
  EXPECT_EQ(InspectContent(bytes).operators, (std::vector<std::string>{"Gemm", "Tanh"}));
  bytes.replace(bytes.find("Tanh"), 4, "Atan");  // an operator that is not read
  const FileFacts unknown = InspectContent(bytes);
  EXPECT_EQ(unknown.kind, ContentKind::kData);
  EXPECT_NE(unknown.detail.find("Atan"), std::string::npos) << unknown.detail;
  EXPECT_EQ(KindOf(Testdata("policy.onnx").substr(0, 100)), "data");
}

TEST(ContentKind, TextIsUtf8WithoutControlCharacters) {
  EXPECT_EQ(KindOf(""), "text");
  EXPECT_EQ(KindOf("def f():\n\treturn 'é'\n"), "text");
  EXPECT_EQ(KindOf("a\r\nb"), "data");
  EXPECT_EQ(KindOf("a\0b"s), "data");
  EXPECT_EQ(KindOf("a\x1b[31m"), "data");
  EXPECT_EQ(KindOf("caf\xe9"), "data");
  const FileFacts facts = InspectContent("one\nthree\nlast");
  EXPECT_EQ(facts.lines, 3u);
  EXPECT_EQ(facts.line_bytes_max, 6u);
}

TEST(ContentKind, JsonIsOneValue) {
  EXPECT_EQ(KindOf(R"({"rate": 1e-3, "layers": [64, 64]})"), "json");
  EXPECT_EQ(KindOf("{\"a\":1}\n"), "json");
  EXPECT_EQ(KindOf("{\"a\":1} {\"b\":2}"), "text");
  EXPECT_EQ(KindOf("{'a':1}"), "text");
  EXPECT_EQ(KindOf(std::string(200'000, '[')), "text");  // deep nesting costs no stack
}

TEST(ContentKind, ContainersAreKnownBySignature) {
  const std::string rest(600, 'z');
  EXPECT_EQ(KindOf("PK\3\4" + rest), "container");
  EXPECT_EQ(KindOf("7z\xBC\xAF\x27\x1C" + rest), "container");
  EXPECT_EQ(KindOf("\x1F\x8B\x08" + rest), "container");
  EXPECT_EQ(KindOf("BZh91AY&SY" + rest), "container");
  EXPECT_EQ(KindOf("\xFD"
                   "7zXZ\0"s +
                   rest),
            "container");
  EXPECT_EQ(KindOf("\x28\xB5\x2F\xFD" + rest), "container");
  EXPECT_EQ(KindOf("Rar!\x1A\x07" + rest), "container");
  EXPECT_EQ(KindOf("x\x9C" + rest), "container");
  EXPECT_EQ(KindOf("a\0"s + std::string(255, 'f') + "ustar" + rest), "container");
  // A zip archive behind something that looks harmless: readers find it from the end.
  EXPECT_EQ(KindOf("\x01\x02 harmless " + rest + "PK\5\6" + std::string(18, '\0')), "container");
  EXPECT_EQ(KindOf(Testdata("policy.onnx") + "PK\5\6" + std::string(18, '\0')), "container");
  EXPECT_EQ(KindOf("BZh is how a text may begin\n"), "text");
}

TEST(ContentKind, PicklesAreKnownAtEveryProtocolAndBroken) {
  // pickle.dumps of an object whose __reduce__ is (os.system, ("true",)), by protocol.
  const std::string protocol0 = "cposix\nsystem\np0\n(Vtrue\np1\ntp2\nRp3\n.";
  const std::string protocol1 = "cposix\nsystem\nq\0(X\4\0\0\0trueq\1tq\2Rq\3."s;
  const std::string protocol2 = "\x80\2cposix\nsystem\nq\0X\4\0\0\0trueq\1\x85q\2Rq\3."s;
  const std::string protocol4 =
      "\x80\4\x95\x1f\0\0\0\0\0\0\0\x8c\5posix\x94\x8c\6system\x94\x93\x94\x8c\4true\x94\x85\x94R\x94."s;
  for (const std::string& pickle : {protocol0, protocol1, protocol2, protocol4}) {
    EXPECT_EQ(KindOf(pickle), "pickle");
    // Broken after the call: it has run by then.
    EXPECT_EQ(KindOf(pickle.substr(0, pickle.rfind('R') + 1) + "\xff\xff garbage"), "pickle");
  }
  EXPECT_EQ(KindOf("(ios\nsystem\n"), "pickle");
  EXPECT_EQ(KindOf("(cos\nsystem\nS'true'\no."), "pickle");
  EXPECT_EQ(KindOf("\x93NUMPY\1\0v\0{'descr': '|O', 'fortran_order': False, 'shape': (1,), }          \n"s), "pickle");
  // Plain data in protocol 2 is a pickle too: its signature says so.
  EXPECT_EQ(KindOf("\x80\2]q\0."s), "pickle");
}

TEST(ContentKind, OrdinaryTextIsNoPickle) {
  for (const char* text :
       {"class Policy:\n    pass\n", "config\nname\nReduce\n", "import os\nimport sys\n", "cat\ndog\nRabbit\n",
        "Notes\n=====\n", "(a, b)\n", "I\n", "}\n", "0.1 0.2\n", "R\n", "Vocabulary\n", "ab\n"}) {
    EXPECT_NE(KindOf(text), "pickle") << text;
  }
}

}  // namespace
}  // namespace pawl::subject
