#include "subject/manifest.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "subject/testing.h"

namespace pawl::subject {
namespace {

constexpr char kSerialization[] = R"("serialization":{"allow_symlinks":false,"hash_type":"sha256","method":"files"}})";
const std::string kHash(64, 'a');

std::string Resource(const std::string& name, const std::string& digest = kHash) {
  return R"({"algorithm":"sha256","digest":")" + digest + R"(","name":")" + name + "\"}";
}
std::string Document(const std::string& resources) { return "{\"resources\":[" + resources + "]," + kSerialization; }

// Golden bytes: a change of format is a change of every tree's name.
TEST(Manifest, HasTheDocumentedBytesAndDigest) {
  MemoryBlobs blobs;
  const Manifest manifest = blobs.Tree({{"b", "abc"}, {"a/x", ""}});
  const std::string bytes =
      R"({"resources":[{"algorithm":"sha256","digest":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","name":"a/x"},)"
      R"({"algorithm":"sha256","digest":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","name":"b"}],)"
      R"("serialization":{"allow_symlinks":false,"hash_type":"sha256","method":"files"}})";
  EXPECT_EQ(SerialiseManifest(manifest), bytes);
  EXPECT_EQ(ManifestDigest(manifest), crypto::Sha256(bytes));
  EXPECT_EQ(
      ManifestDigest(Manifest{}).Text(),
      crypto::Sha256(
          std::string_view(
              R"({"resources":[],"serialization":{"allow_symlinks":false,"hash_type":"sha256","method":"files"}})"))
          .Text());
}

TEST(Manifest, FindsByExactPath) {
  MemoryBlobs blobs;
  const Manifest manifest = blobs.Tree({{"a", "1"}, {"a.b", "2"}, {"c/d", "3"}});
  ASSERT_NE(manifest.Find("a.b"), nullptr);
  EXPECT_EQ(manifest.Find("a.b")->digest, crypto::Sha256(std::string_view("2")));
  EXPECT_EQ(manifest.Find("c"), nullptr);
  EXPECT_EQ(manifest.Find("z"), nullptr);
}

TEST(Manifest, EachMalformedShapeIsRefused) {
  EXPECT_EQ(RuleOf(ParseManifest(Document(Resource("a") + "," + Resource("b")))), "ok");
  EXPECT_EQ(RuleOf(ParseManifest(Document(Resource("b") + "," + Resource("a")))), "manifest.order");
  EXPECT_EQ(RuleOf(ParseManifest(Document(Resource("a") + "," + Resource("a")))), "path.twice");
  EXPECT_EQ(RuleOf(ParseManifest(Document(Resource("A") + "," + Resource("a")))), "path.twins");
  EXPECT_EQ(RuleOf(ParseManifest(Document(Resource("../a")))), "path.dots");
  EXPECT_EQ(RuleOf(ParseManifest(Document(Resource("a", "aa")))), "manifest.digest");
  EXPECT_EQ(RuleOf(ParseManifest(Document(Resource("a", std::string(64, 'A'))))), "manifest.digest");
  EXPECT_EQ(RuleOf(ParseManifest(Document(Resource("a")) + " ")), "json.not-canonical");
  EXPECT_EQ(RuleOf(ParseManifest("")), "json.syntax");
  EXPECT_NE(RuleOf(ParseManifest("[]")), "ok");
  const auto with = [](std::string from, const std::string& to) {
    std::string text = Document(Resource("a"));
    text.replace(text.find(from), from.size(), to);
    return ParseManifest(text);
  };
  EXPECT_EQ(RuleOf(with("\"allow_symlinks\":false", "\"allow_symlinks\":true")), "manifest.symlinks");
  EXPECT_NE(RuleOf(with("\"method\":\"files\"", "\"method\":\"shards\"")), "ok");
  EXPECT_NE(RuleOf(with("\"algorithm\":\"sha256\"", "\"algorithm\":\"blake2b\"")), "ok");
  EXPECT_EQ(RuleOf(with("\"name\":\"a\"", "\"name\":\"a\",\"size\":3")), "json.member-unknown");
}

TEST(Manifest, LimitsHoldBeforeParsing) {
  EXPECT_EQ(RuleOf(ParseManifest(std::string(kManifestBytesMax + 1, ' '))), "json.too-large");
  EXPECT_EQ(RuleOf(ParseManifest(std::string(1'000'000, '['))), "json.too-deep");
  EXPECT_EQ(RuleOf(MakeManifest(std::vector<FileEntry>(kManifestFilesMax + 1))), "manifest.files");
}

RC_GTEST_PROP(ManifestLaws, ParsingUndoesSerialising, ()) {
  const auto names = *rc::gen::container<std::set<std::string>>(
      rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::elementOf(std::string("abcdefg._- ")))));
  std::map<std::string, std::string> files;
  for (const std::string& name : names) {
    if (name != "." && name != "..") files["d/" + name] = name;
  }
  MemoryBlobs blobs;
  const Manifest manifest = blobs.Tree(files);
  const std::string bytes = SerialiseManifest(manifest);
  const Result<Manifest> again = ParseManifest(bytes);
  RC_ASSERT(again.ok());
  RC_ASSERT(SerialiseManifest(*again) == bytes);
  RC_ASSERT(again->files.size() == files.size());
}

}  // namespace
}  // namespace pawl::subject
