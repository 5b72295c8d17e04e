// Inputs that are built to be slow: deep, wide, repeated, with long numbers. A reader may refuse them, or take them;
// its time has to grow with their size and no faster, up to the largest that it accepts.
//
// For each, the time at some size is compared with that at twice the size, where it is long enough to be measured. A
// reader that takes time in the square of its input takes four times as long, one in proportion twice.
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "audit/records.h"
#include "charter/testing.h"
#include "checker/certificate.h"
#include "crypto/allowed_signers.h"
#include "crypto/sshsig.h"
#include "encoding/base64.h"
#include "encoding/dsse.h"
#include "encoding/json.h"
#include "merkle/signed_note.h"
#include "merkle/tlog_proof.h"
#include "model/network.h"
#include "model/property.h"
#include "signing/armor.h"
#include "subject/content_kind.h"
#include "subject/diff.h"
#include "subject/manifest.h"
#include "subject/path.h"
#include "subject/surface.h"
#include "tlog/tile.h"
#include "warrant/path_for_test.h"
#include "warrant/state.h"
#include "warrant/warrant.h"

namespace pawl {
namespace {

constexpr double kMeasurable_s = 0.02;  // shorter times are noise
constexpr double kRatioMax = 3.2;
constexpr double kLongest_s = 20;  // whatever the size; far beyond what any reader takes

double ProcessorTime() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

std::string Repeated(const std::string& text, size_t count) {
  std::string result;
  result.reserve(text.size() * count);
  for (size_t i = 0; i < count; ++i) result += text;
  return result;
}

// text(0) text(1) … text(count - 1)
std::string Numbered(size_t count, const std::function<std::string(size_t)>& text) {
  std::string result;
  for (size_t i = 0; i < count; ++i) result += text(i);
  return result;
}

struct SlowInput {
  const char* reader;
  const char* shape;
  size_t count_max;  // how often the shape's part may be repeated, by the reader's limits or a little beyond them
  std::function<std::string(size_t count)> make;
  std::function<void(const std::string& bytes)> read;
};

void ReadJson(const std::string& bytes) {
  (void)encoding::ParseCanonicalJson(bytes, {.bytes_max = size_t{1} << 25, .elements_max = 1'000'000});
}
void ReadEnvelope(const std::string& bytes) { (void)encoding::ParseEnvelope(bytes); }
void ReadProperty(const std::string& bytes) { (void)model::ReadVnnlib(bytes, {}); }
void ReadNetwork(const std::string& bytes) {
  (void)model::ReadOnnx({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, {});
}
void ReadProof(const std::string& bytes) {
  (void)checker::ReadCertificate({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}
void ReadCharterText(const std::string& bytes) {
  charter::TestCharter test;
  test.files["charter.toml"] += bytes;
  (void)test.Read();
}

// ---- protobuf and certificates, as far as needed

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
std::string Field(int number, const std::string& bytes) {
  return Varint(static_cast<uint64_t>(number) << 3 | 2) + Varint(bytes.size()) + bytes;
}

const std::vector<SlowInput>& Inputs() {
  const std::string manifest_tail =
      "],\"serialization\":{\"allow_symlinks\":false,\"hash_type\":\"sha256\",\"method\":\"files\"}}";
  const auto manifest = [manifest_tail](size_t count, const std::function<std::string(const std::string&)>& name) {
    return "{\"resources\":[" +
           Numbered(count,
                    [&](size_t i) {
                      char number[16];
                      std::snprintf(number, sizeof number, "%06zu", i);
                      return std::string(i == 0 ? "" : ",") + "{\"algorithm\":\"sha256\",\"digest\":\"" +
                             std::string(64, 'a') + "\",\"name\":\"" + name(number) + "\"}";
                    }) +
           manifest_tail;
  };
  const auto read_manifest = [](const std::string& bytes) { (void)subject::ParseManifest(bytes); };
  const auto changed_lines = [](const std::string& bytes) {
    (void)subject::ChangedLines(std::string_view(bytes).substr(0, bytes.size() / 2),
                                std::string_view(bytes).substr(bytes.size() / 2));
  };
  const auto inspect = [](const std::string& bytes) { (void)subject::InspectContent(bytes); };
  static const std::vector<SlowInput> kInputs = {
      {"JSON", "deep", 1 << 22, [](size_t n) { return std::string(n, '['); }, ReadJson},
      {"JSON", "deep objects", 1 << 20, [](size_t n) { return Repeated("{\"a\":", n); }, ReadJson},
      {"JSON", "one name many times", 1 << 19, [](size_t n) { return "{" + Repeated("\"a\":1,", n) + "\"b\":1}"; },
       ReadJson},
      {"JSON", "many names", 1 << 17,
       [](size_t n) {
         return "{" + Numbered(n, [](size_t i) { return "\"" + std::string(40, 'k') + std::to_string(i) + "\":1,"; }) +
                "\"z\":1}";
       },
       ReadJson},
      {"JSON", "a long number", 1 << 22, [](size_t n) { return std::string(n, '9'); }, ReadJson},
      {"JSON", "a long fraction", 1 << 22, [](size_t n) { return "0." + std::string(n, '9'); }, ReadJson},
      {"JSON", "a long exponent", 1 << 22, [](size_t n) { return "1e" + std::string(n, '9'); }, ReadJson},
      {"JSON", "escapes", 1 << 20, [](size_t n) { return "\"" + Repeated("\\u0001", n) + "\""; }, ReadJson},
      {"JSON", "broken UTF-8", 1 << 22, [](size_t n) { return "\"" + Repeated("\xc2\x80", n) + "\xff\""; }, ReadJson},
      {"envelope", "many signatures", 1 << 18,
       [](size_t n) {
         return "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[" +
                Repeated("{\"keyid\":\"k\",\"sig\":\"\"},", n) + "{}]}";
       },
       ReadEnvelope},
      {"envelope", "a large payload", 1 << 20,
       [](size_t n) { return "{\"payload\":\"" + Repeated("AAAA", n) + "\",\"payloadType\":\"t\",\"signatures\":[]}"; },
       ReadEnvelope},
      {"base64", "long", 1 << 21, [](size_t n) { return Repeated("QUJD", n); },
       [](const std::string& bytes) { (void)encoding::DecodeBase64(bytes); }},
      {"warrant", "many votes", 100'000,
       [](size_t n) {
         return "{\"votes\":[" + Repeated("{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[]},", n) + "{}]}";
       },
       [](const std::string& bytes) { (void)warrant::ReadWarrant(bytes); }},
      {"state", "many lifted halts", 100'000,
       [](size_t n) { return "{\"lifted\":[" + Repeated("\"sha256:" + std::string(64, '0') + "\",", n) + "1]}"; },
       [](const std::string& bytes) { (void)warrant::ReadState(bytes); }},
      {"event", "a vote with wide evidence", 8'000,
       [](size_t n) { return "{\"a\":[" + Repeated("[{\"a\":[]}],", n) + "1]}"; },
       [](const std::string& bytes) { (void)audit::KindOf(bytes); }},
      {"signed note", "many signatures", 1 << 14,
       [](size_t n) {
         return "text\n\n" + Repeated("\u2014 key " + encoding::EncodeBase64(std::string(68, 's')) + "\n", n);
       },
       [](const std::string& bytes) { (void)merkle::SignedNote::Parse(bytes); }},
      {"signed note", "many empty lines", 1 << 22, [](size_t n) { return Repeated("\n", n); },
       [](const std::string& bytes) { (void)merkle::SignedNote::Parse(bytes); }},
      {"log proof", "many hashes", 1 << 16,
       [](size_t n) {
         return "c2sp.org/tlog-proof@v1\nindex 1\n" + Repeated(encoding::EncodeBase64(std::string(32, 'h')) + "\n", n) +
                "\n";
       },
       [](const std::string& bytes) { (void)merkle::TlogProof::Parse(bytes); }},
      {"tile", "entries", 1 << 20, [](size_t n) { return Repeated(std::string("\0\1x", 3), n); },
       [](const std::string& bytes) { (void)tlog::ParseEntries(bytes, 256); }},
      {"allowed signers", "many lines", 1 << 14,
       [](size_t n) {
         return Repeated(
             "ann@example.org ssh-ed25519 "
             "AAAAC3NzaC1lZDI1NTE5AAAAIJpLvRbcNqUPNtfBcTY2PQ7YqHhS1gUKcvJWlFWPGKWF\n",
             n);
       },
       [](const std::string& bytes) { (void)crypto::ParseAllowedSigners(bytes); }},
      {"allowed signers", "many purposes", 1 << 18,
       [](size_t n) { return "ann@example.org namespaces=\"" + Repeated("a,", n) + "a\" ssh-ed25519 AAAA\n"; },
       [](const std::string& bytes) { (void)crypto::ParseAllowedSigners(bytes); }},
      {"allowed signers", "many quotes", 1 << 20, [](size_t n) { return Repeated("\" ", n); },
       [](const std::string& bytes) { (void)crypto::ParseAllowedSigners(bytes); }},
      {"SSHSIG", "armour", 1 << 18,
       [](size_t n) {
         return "-----BEGIN SSH SIGNATURE-----\n" + Repeated("A\n", n) + "-----END SSH SIGNATURE-----\n";
       },
       [](const std::string& bytes) { (void)signing::ParseArmored(bytes); }},
      {"manifest", "wide", 100'000, [manifest](size_t n) { return manifest(n, [](const auto& i) { return i; }); },
       read_manifest},
      {"manifest", "deep", 30'000,
       [manifest](size_t n) { return manifest(n, [](const auto& i) { return Repeated("d/", 30) + i; }); },
       read_manifest},
      {"manifest", "a directory for each file", 50'000,
       [manifest](size_t n) { return manifest(n, [](const auto& i) { return i + "/" + i; }); }, read_manifest},
      {"manifest", "names that fold", 50'000,
       [manifest](size_t n) { return manifest(n, [](const auto& i) { return Repeated("\u00c9", 100) + i; }); },
       read_manifest},
      {"glob", "stars", 120, [](size_t n) { return Repeated("*a", n) + "b"; },
       [](const std::string& bytes) {
         for (int i = 0; i < 200; ++i) (void)subject::GlobMatches(bytes, std::string(bytes.size(), 'a'));
       }},
      {"changed lines", "all other", 1 << 20,
       [](size_t n) {
         return Numbered(
             n, [n](size_t i) { return i < n / 2 ? "a" + std::to_string(i) + "\n" : std::to_string(i) + "\n"; });
       },
       changed_lines},
      {"changed lines", "two lines in random order", 1 << 21,
       [](size_t n) {
         uint64_t random = 1;
         return Numbered(n, [&random](size_t) {
           random = random * 6'364'136'223'846'793'005u + 1'442'695'040'888'963'407u;
           return std::string(random >> 63 != 0 ? "a\n" : "b\n");
         });
       },
       changed_lines},
      {"changed lines", "one line again and again", 1 << 21,
       [](size_t n) { return Repeated("a\n", n / 2 + 100) + Repeated("a\n", n / 2 - 100); }, changed_lines},
      {"content", "pickle opcodes", 1 << 22, [](size_t n) { return Repeated("]", n); }, inspect},
      {"content", "pickle marks and memos", 1 << 20, [](size_t n) { return Repeated("(lp0\n", n); }, inspect},
      {"content", "ends of zip files", 1 << 20, [](size_t n) { return Repeated("PK\5\6", n); }, inspect},
      {"content", "nested JSON", 1 << 22, [](size_t n) { return Repeated("[", n); }, inspect},
      {"content", "tar headers", 1 << 12, [](size_t n) { return Repeated(std::string(257, 'x') + "ustar", n); },
       inspect},
      {"charter", "many tables", 1 << 13,
       [](size_t n) { return Repeated("[[surface]]\npath = \"a\"\nkind = \"text\"\n", n); }, ReadCharterText},
      {"charter", "many keys", 1 << 14,
       [](size_t n) { return "[more]\n" + Numbered(n, [](size_t i) { return "k" + std::to_string(i) + " = 1\n"; }); },
       ReadCharterText},
      {"charter", "deep arrays", 1 << 18, [](size_t n) { return "x = " + Repeated("[", n); }, ReadCharterText},
      {"charter", "deep dotted keys", 1 << 16, [](size_t n) { return Repeated("a.", n) + "a = 1\n"; }, ReadCharterText},
      {"charter", "a long number", 1 << 19, [](size_t n) { return "x = " + std::string(n, '9') + "\n"; },
       ReadCharterText},
      {"charter", "comments", 1 << 17, [](size_t n) { return Repeated("# c\n", n); }, ReadCharterText},
      {"property", "deep", 1 << 20, [](size_t n) { return Repeated("(assert (and ", n); }, ReadProperty},
      {"property", "a long number", 1 << 20,
       [](size_t n) {
         return "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (<= X_0 " + std::string(n, '9') + "))";
       },
       ReadProperty},
      {"property", "a long fraction", 1 << 20,
       [](size_t n) {
         return "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (<= X_0 0." + std::string(n, '9') + "))";
       },
       ReadProperty},
      {"property", "many declarations", 1 << 14,
       [](size_t n) {
         return Numbered(n, [](size_t i) { return "(declare-const X_" + std::to_string(i) + " Real)"; });
       },
       ReadProperty},
      {"property", "many bounds of one input", 1 << 15,
       [](size_t n) { return "(declare-const X_0 Real)(declare-const Y_0 Real)" + Repeated("(assert (<= X_0 1))", n); },
       ReadProperty},
      {"property", "a wide disjunction", 1 << 13,
       [](size_t n) {
         return "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (<= X_0 1))(assert (>= X_0 0))(assert (or " +
                Repeated("(and (<= Y_0 1))", n) + "))";
       },
       ReadProperty},
      {"property", "disjunctions that multiply", 24,
       [](size_t n) {
         return "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (<= X_0 1))(assert (>= X_0 0))" +
                Repeated("(assert (or (<= Y_0 1) (>= Y_0 2)))", n);
       },
       ReadProperty},
      {"property", "comments", 1 << 20, [](size_t n) { return Repeated("; c\n", n); }, ReadProperty},
      {"network", "many nodes", 1 << 15,
       [](size_t n) { return Field(7, Repeated(Field(1, Field(1, "x") + Field(2, "x") + Field(4, "Relu")), n)); },
       ReadNetwork},
      {"network", "many initialisers of one name", 1 << 15,
       [](size_t n) { return Field(7, Repeated(Field(5, Field(8, "w") + "\x08\x01\x10\x01"), n)); }, ReadNetwork},
      {"network", "many dimensions", 1 << 18, [](size_t n) { return Field(7, Field(5, Repeated("\x08\x01", n))); },
       ReadNetwork},
      {"network", "nested graphs", 1 << 10,
       [](size_t n) {
         std::string bytes;
         for (size_t i = 0; i < n; ++i) bytes = Field(7, bytes);
         return bytes;
       },
       ReadNetwork},
      {"certificate", "zeros", 1 << 22, [](size_t n) { return std::string(n, '\0'); }, ReadProof},
      {"certificate", "ones", 1 << 22, [](size_t n) { return std::string(n, '\xff'); }, ReadProof},
  };
  return kInputs;
}

double Time(const SlowInput& input, size_t count) {
  const std::string bytes = input.make(count);
  double best = kLongest_s * 10;
  for (int i = 0; i < 3; ++i) {
    const double start = ProcessorTime();
    input.read(bytes);
    best = std::min(best, ProcessorTime() - start);
    if (best > 0.5) break;
  }
  return best;
}

TEST(SlowInput, TakesTimeInProportionToItsSize) {
  std::set<std::string> readers;
  for (const SlowInput& input : Inputs()) {
    readers.insert(input.reader);
    size_t count = std::max<size_t>(2, input.count_max / 64);
    double whole = Time(input, count), half = 0;
    while (whole < 4 * kMeasurable_s && count < input.count_max) {
      count = std::min(2 * count, input.count_max);
      half = whole;
      whole = Time(input, count);
    }
    // On a busy machine a single comparison may be off.
    for (int again = 0; whole >= kMeasurable_s && again < 4; ++again) {
      if (again > 0) whole = std::min(whole, Time(input, count));
      half = std::max(again == 0 ? 0 : half, Time(input, count / 2));
      if (whole < kRatioMax * half) break;
    }
    std::printf("%-16s %-32s %9zu times: %8.2f ms, half of it %8.2f ms\n", input.reader, input.shape, count,
                whole * 1e3, half * 1e3);
    EXPECT_LT(whole, kLongest_s) << input.reader << ": " << input.shape;
    if (whole < kMeasurable_s) continue;  // quick whatever the size: nothing to slow down
    EXPECT_LT(whole, kRatioMax * half) << input.reader << ": " << input.shape << " takes more than its share";
  }
  EXPECT_GE(readers.size(), 15u);
  EXPECT_GE(Inputs().size(), 50u);
}

// The measurement itself: a reader that takes time in the square of its input has to fail.
TEST(SlowInput, TellsAQuadraticReader) {
  const SlowInput quadratic{"quadratic", "any", 0, [](size_t n) { return std::string(n, 'x'); },
                            [](const std::string& bytes) {
                              volatile unsigned sum = 0;
                              for (const char a : bytes) {
                                for (const char b : bytes) sum = sum + static_cast<unsigned>(a ^ b);
                              }
                            }};
  EXPECT_GT(Time(quadratic, 20'000), kRatioMax * Time(quadratic, 10'000));
}

}  // namespace
}  // namespace pawl
