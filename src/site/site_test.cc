#include "site/site.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <set>

#include "audit/records.h"
#include "crypto/p256.h"
#include "encoding/base64.h"
#include "ledger/ledger.h"
#include "signing/signer_for_tests.h"
#include "site/embedded.h"
#include "site/signing_desk.h"
#include "warrant/path_for_test.h"

namespace pawl::site {
namespace {

using encoding::Json;
using server::HttpRequest;
using server::HttpResponse;
using signing::SignerForTests;
using warrant::Path;

constexpr char kOrigin[] = "http://localhost:8440";
// A script in a text, and a character that turns the direction of what follows it.
constexpr char kHostile[] = "</pre><script>document.title='owned'</script>\n<img src=x onerror=alert(1)>\npa\u202Ess\n";

// A home whose third proposal waits for two people: one release was made by it, one reviewer abstains, and its text is
// hostile. `signers` are lines for the charter's file of signers beside those of Path.
void MakeHome(const std::string& folder, const std::string& origin, const std::string& rp_id,
              const std::string& signers, int64_t now_s) {
  Path path = Path::OfItsOwn([&](charter::TestCharter& test) {
    test.Replace("signers = \"approvers\"",
                 "signers = \"approvers\"\nrp_id = \"" + rp_id + "\"\norigins = [\"" + origin + "\"]");
    test.files["approvers"] += signers;
  });
  path.now = std::max(path.now, now_s);
  warrant::Tampering tampering;
  tampering.votes = [](std::vector<warrant::Vote>& votes) {
    warrant::Vote vote = votes.front();
    vote.reviewer = "prover-a2";
    vote.verdict = warrant::VoteVerdict::kAbstain;
    vote.reasons = {"the certificate took too long to check <b>here</b>"};
    votes.push_back(vote);
    votes.front().evidence = {{"report",
                               {{"conditions",
                                 {{{"kind", "harm"},
                                   {"name", "near_miss"},
                                   {"metric", "near_miss"},
                                   {"estimate", "0.004"},
                                   {"lower", "0.002"},
                                   {"upper", "0.006"},
                                   {"limit", "0.01"},
                                   {"status", "shown"}}}}}}};
  };
  const crypto::Digest tree =
      path.PutTree({{"policy.onnx", warrant::TinyNetwork(2)}, {"improver/improve.py", kHostile}});
  path.Make({.tree = tree}, tampering);
  std::vector<std::string> entries = path.entries();
  entries.pop_back();  // the event that holds the approvals
  for (int step = 0; step <= static_cast<int>(audit::Step::kApproval); ++step) {
    const bool waits = static_cast<audit::Step>(step) == audit::Step::kApproval;
    entries.push_back(encoding::SerializeEnvelope(path.BySomeone(
        audit::WriteFinding({.about = {"controller", tree},
                             .proposal = "p3",
                             .step = static_cast<audit::Step>(step),
                             .outcome = waits ? audit::FindingOutcome::kPending : audit::FindingOutcome::kPass,
                             .rule = waits ? "approval.waits" : "",
                             .summary = waits ? "waits for 2 people" : "as it should be",
                             .evidence = {},
                             .time = path.now}),
        "log")));
  }
  const ledger::Home home = *ledger::Home::Open(folder, ledger::HomeAccess::kCreate);
  std::filesystem::copy(path.directory() + "/store", home.StorePath(),
                        std::filesystem::copy_options::recursive | std::filesystem::copy_options::skip_existing);
  ledger::Ledger ledger = *ledger::Ledger::Open(home.LedgerPath("controller"), ledger::LedgerAccess::kReadWrite);
  ASSERT_TRUE(ledger.Append(0, entries).ok());
  ASSERT_TRUE(ledger
                  .SignCheckpoint({.origin = "example.org/log",
                                   .log = Path::Key("log"),
                                   .clock_name = "example.org/clock",
                                   .clock = Path::Key("clock")},
                                  path.now)
                  .ok());
  std::filesystem::create_directories(home.LoaderFolder("controller"));
  ASSERT_TRUE(warrant::WriteStateFile(home.StatePath("controller"), path.state).ok());
}

SignerForTests Passkey() { return SignerForTests(crypto::SshKeyType::kWebauthnSkEcdsaP256, "localhost"); }

std::string LineOf(const std::string& principal, const SignerForTests& signer) {
  return principal + " namespaces=\"approve@pawl\" " + signer.public_key.Line() + "\n";
}

class SiteTest : public ::testing::Test {
 protected:
  // One home for all tests, copied for each.
  static void SetUpTestSuite() {
    made_ = new subject::TemporaryDirectory();
    ada_ = new SignerForTests(Passkey());
    bea_ = new SignerForTests(Passkey());
    MakeHome(*made_ / "home", kOrigin, "localhost", LineOf("ada@example.org", *ada_) + LineOf("bea@example.org", *bea_),
             warrant::kGenesisTime);
  }
  static void TearDownTestSuite() {
    delete made_;
    delete ada_;
    delete bea_;
  }

  SiteTest() {
    std::filesystem::copy(*made_ / "home", directory_ / "home", std::filesystem::copy_options::recursive);
    site_.emplace(Open({}));
  }
  Site Open(const Rate& rate) {
    SiteOptions options{.names = {"localhost:8440"}, .now_s = [this] { return now_; }};
    options.reading = options.signing = rate.burst > 0 ? rate : Rate{.burst = 1'000, .per_second = 1'000};
    Result<Site> site = Site::Open(*ledger::Home::Open(directory_ / "home", ledger::HomeAccess::kExisting),
                                   {"controller"}, std::move(options));
    EXPECT_TRUE(site.ok()) << (site.ok() ? "" : site.error().message);
    return std::move(*site);
  }

  HttpResponse Get(const std::string& target) {
    return site_->Answer({.method = "GET", .target = target, .body = {}, .fields = {{"host", "localhost:8440"}}});
  }
  HttpResponse Post(const std::string& path, const Json& body, const std::string& origin = kOrigin,
                    const std::string& type = "application/json") {
    return site_->Answer({.method = "POST",
                          .target = kSubject + path,
                          .body = body.dump(),
                          .fields = {{"host", "localhost:8440"}, {"origin", origin}, {"content-type", type}}});
  }
  static Json Read(const HttpResponse& answer) { return Json::parse(answer.body); }
  static std::string RuleOf(const HttpResponse& answer) {
    return answer.status == 200 ? "" : Read(answer)["error"]["rule"].get<std::string>();
  }
  Json Proposal() { return Read(Get(kSubject + "/proposals/p3")); }

  // What the page posts.
  static Json Signature(const Json& request, const std::string& principal, const SignerForTests& signer,
                        uint8_t flags = 0x05, const SignerForTests::Browser& browser = {.origin = kOrigin}) {
    const std::string payload = *encoding::DecodeBase64(request["payload"].get<std::string>());
    const std::string to_be_signed =
        crypto::SshsigToBeSigned(encoding::PreAuthenticationEncoding(warrant::kPayloadType, payload),
                                 warrant::kApprovalNamespace, crypto::SshsigHash::kSha256);
    EXPECT_EQ(encoding::EncodeBase64Url(to_be_signed), request["challenge"]);
    const std::string client_data = SignerForTests::ClientData(browser, to_be_signed);
    const std::string data = signer.AuthenticatorData(flags, 7, "");
    const std::string raw = signer.p256.SignRaw(data + crypto::Sha256(client_data).Raw());
    const std::string der =
        crypto::DerSignature(crypto::DerInteger(raw.substr(0, 32)), crypto::DerInteger(raw.substr(32)));
    return {{"payload", request["payload"]},
            {"principal", principal},
            {"assertion",
             {{"authenticator_data", encoding::EncodeBase64(data)},
              {"client_data_json", encoding::EncodeBase64(client_data)},
              {"signature", encoding::EncodeBase64(der)}}}};
  }

  static inline const std::string kSubject = "/api/v1/subjects/controller";
  static inline subject::TemporaryDirectory* made_ = nullptr;
  static inline SignerForTests *ada_ = nullptr, *bea_ = nullptr;
  subject::TemporaryDirectory directory_;
  int64_t now_ = warrant::kGenesisTime + 3 * warrant::kDay;
  std::optional<Site> site_;
};

// ---- the description of the API and the API

// Holds an answer to a schema, both ways: members that are not described, and described members that are missing.
class SchemaCheck {
 public:
  explicit SchemaCheck(const Json& document) : document_(document) {}

  void Check(const Json& value, const Json& schema, const std::string& at) {
    if (schema.contains("$ref")) {
      const std::string name = schema["$ref"].get<std::string>().substr(std::string("#/components/schemas/").size());
      ASSERT_TRUE(document_["components"]["schemas"].contains(name)) << name;
      used.insert(name);
      return Check(value, document_["components"]["schemas"][name], at);
    }
    if (schema.contains("allOf")) return Check(value, schema["allOf"][0], at);
    if (schema.contains("oneOf")) {
      if (value.is_null()) return;
      return Check(value, schema["oneOf"][0], at);
    }
    ASSERT_TRUE(schema.contains("type")) << at;
    EXPECT_TRUE(HasType(value, schema["type"])) << at << ": " << value;
    if (schema.contains("enum")) {
      EXPECT_THAT(schema["enum"], ::testing::Contains(value)) << at;
    }
    if (value.is_array()) {
      for (const Json& item : value) Check(item, schema["items"], at + "[]");
    }
    if (value.is_object() && schema.contains("properties")) CheckObject(value, schema, at);
  }

  std::set<std::string> used;
  std::set<std::string> seen;  // members with a value that is neither null nor empty, as "Proposal.votes[].reviewer"

 private:
  static bool HasType(const Json& value, const Json& type) {
    if (type.is_array()) return HasType(value, type[0]) || HasType(value, type[1]);
    return (type == "string" && value.is_string()) || (type == "integer" && value.is_number_integer()) ||
           (type == "boolean" && value.is_boolean()) || (type == "null" && value.is_null()) ||
           (type == "array" && value.is_array()) || (type == "object" && value.is_object());
  }
  void CheckObject(const Json& value, const Json& schema, const std::string& at) {
    EXPECT_EQ(schema["additionalProperties"], false) << at;
    for (const auto& [name, member] : value.items()) {
      const std::string path = at + "." + name;
      if (!schema["properties"].contains(name)) {
        ADD_FAILURE() << path << " is not described";
        continue;
      }
      seen.insert(path);
      Check(member, schema["properties"][name], path);
    }
    for (const auto& [name, described] : schema["properties"].items()) {
      EXPECT_TRUE(value.contains(name)) << at << "." << name << " is described, and is not there";
    }
  }

  const Json& document_;
};

TEST_F(SiteTest, AnswersAsTheDescriptionSays) {
  const Json document = Read(Get("/api/v1/openapi.json"));
  EXPECT_EQ(document["openapi"], "3.1.0");
  std::set<std::string> described;
  for (const auto& [path, methods] : document["paths"].items()) {
    for (const auto& [method, operation] : methods.items())
      described.insert((method == "get" ? "GET " : "POST ") + path);
  }
  const std::vector<std::string> routes = Routes();
  EXPECT_EQ(described, std::set<std::string>(routes.begin(), routes.end()));

  SchemaCheck check(document);
  const auto schema_of = [&](const std::string& path, const char* method) {
    return document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"];
  };
  const std::string base = "/api/v1/subjects/{subject}";
  const auto filled = [](std::string path) {
    for (const auto& [name, value] : {std::pair{"{subject}", "controller"}, std::pair{"{index}", "3"}}) {
      if (const size_t at = path.find(name); at != path.npos) path.replace(at, std::string(name).size(), value);
    }
    return path;
  };
  for (const auto& [path, methods] : document["paths"].items()) {
    if (!methods.contains("get") || path.ends_with("openapi.json")) continue;
    for (const char* proposal : {"p1", "p3"}) {
      std::string target = filled(path);
      if (const size_t at = target.find("{proposal}"); at != target.npos) target.replace(at, 10, proposal);
      const HttpResponse answer = Get(target);
      ASSERT_EQ(answer.status, 200u) << target << answer.body;
      EXPECT_EQ(answer.content_type, "application/json");
      check.Check(Read(answer), schema_of(path, "get"), path);
    }
  }
  const Json draft = {{"action", "reject"}, {"proposal", "p3"}, {"principal", "bea@example.org"}, {"reason", "no"}};
  check.Check(draft, document["components"]["schemas"]["DraftRequest"], "draft");
  const HttpResponse request = Post("/drafts", draft);
  check.Check(Read(request), schema_of(base + "/drafts", "post"), base + "/drafts");
  for (const auto& [signature, kind] :
       {std::pair{Signature(Proposal()["decision"], "ada@example.org", *ada_), "approval"},
        std::pair{Signature(Read(request), "bea@example.org", *bea_), "refusal"}}) {
    check.Check(signature, document["components"]["schemas"]["SignatureRequest"], "signature");
    const HttpResponse signed_answer = Post("/signatures", signature);
    ASSERT_EQ(signed_answer.status, 200u) << signed_answer.body;
    check.Check(Read(signed_answer), schema_of(base + "/signatures", "post"), base + "/signatures");
    EXPECT_EQ(Read(signed_answer)["signed"], kind);
  }
  check.Check(Proposal(), schema_of(base + "/proposals/{proposal}", "get"), base + "/proposals/{proposal}");
  check.Check(Read(Get("/api/v1/none")), document["components"]["schemas"]["Error"], "error");
  for (const auto& [name, schema] : document["components"]["schemas"].items()) {
    const bool by_hand = name == "Error" || name == "DraftRequest" || name == "SignatureRequest";
    EXPECT_TRUE(by_hand || check.used.contains(name)) << name << " describes nothing that is answered";
  }
  for (const char* member : {"votes[].evidence", "findings[].rule", "properties[].certificates",
                             "candidate.parent_tree", "decision.results", "approvals[].origin", "refusals[].reason"}) {
    EXPECT_TRUE(check.seen.contains(base + "/proposals/{proposal}." + member)) << member;
  }
}

// ---- reading

TEST_F(SiteTest, PutsWhatWaitsForPeopleFirst) {
  const Json inbox = Read(Get(kSubject + "/proposals"));
  EXPECT_EQ(inbox["total"], 3);
  EXPECT_EQ(inbox["proposals"][0]["proposal"], "p3");
  EXPECT_EQ(inbox["proposals"][0]["party"], "people");
  EXPECT_EQ(inbox["proposals"][0]["commands"][0], "pawl approve p3");
  EXPECT_EQ(inbox["proposals"][1]["proposal"], "p2");
  EXPECT_EQ(Read(Get(kSubject + "/proposals?first=2&count=50"))["proposals"].size(), 1u);
  const Json proposal = Proposal();
  EXPECT_EQ(proposal["votes"][0]["verdict"], "abstain");
  EXPECT_EQ(proposal["votes"][1]["verdict"], "for");
}

TEST_F(SiteTest, ShowsWhatCannotBeSeenAndNothingAsMarkup) {
  const HttpResponse answer = Get(kSubject + "/proposals/p3/diff");
  const Json changes = Read(answer)["changes"];
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0]["path"], "improver/improve.py");
  EXPECT_THAT(changes[0]["diff"].get<std::string>(), ::testing::HasSubstr("+pa\\u{202E}ss\n"));
  EXPECT_EQ(changes[1]["shown"], "facts");
  EXPECT_EQ(answer.content_type, "application/json");  // and nosniff: the markup in it is nobody's page
}

TEST_F(SiteTest, ProvesEveryEntry) {
  const Json ledger = Read(Get(kSubject + "/ledger?first=0&count=200"));
  ASSERT_EQ(ledger["covered"], ledger["total"]);
  for (const Json& row : ledger["entries"]) {
    const Json one = Read(Get(kSubject + "/ledger/" + std::to_string(row["index"].get<int>())));
    std::vector<crypto::Digest> proof;
    for (const Json& hash : one["proof"]) {
      const std::string raw = *encoding::DecodeBase64(hash.get<std::string>());
      std::copy(raw.begin(), raw.end(), proof.emplace_back().bytes.begin());
    }
    const std::string note = one["checkpoint"];
    const merkle::Checkpoint checkpoint = *merkle::Checkpoint::Parse(merkle::SignedNote::Parse(note)->text);
    const std::string entry = *encoding::DecodeBase64(one["entry"].get<std::string>());
    EXPECT_TRUE(
        merkle::VerifyInclusion(merkle::LeafHash(entry), row["index"], checkpoint.size, proof, checkpoint.root).ok());
  }
  EXPECT_EQ(RuleOf(Get(kSubject + "/ledger/" + std::to_string(ledger["total"].get<int>()))), "site.no-entry");
}

TEST_F(SiteTest, AnswersUnderItsNamesAlone) {
  for (const char* host : {"", "evil.example", "evil.example:8440", "localhost", "localhost:8440.evil.example"}) {
    for (const char* target : {"/", "/api/v1/subjects"}) {
      EXPECT_EQ(RuleOf(site_->Answer({.method = "GET", .target = target, .body = {}, .fields = {{"host", host}}})),
                "site.name");
    }
  }
}

TEST_F(SiteTest, KnowsNoOtherPathsMethodsOrQueries) {
  for (const char* target :
       {"/index.html", "/app.js?x=1", "/api/v1/", "/api/v1/subjects/", "/api/v1/subjects/other", "/api/v2/subjects",
        "/api/v1/subjects/controller/", "/api/v1/subjects/controller/proposals/", "/api/v1/subjects/controller/ledger/",
        "/api/v1/subjects/controller/proposals/p3/x/diff", "/api/v1/subjects/%63ontroller",
        "/api/v1/subjects/controller/ledger/-1", "/api/v1/subjects/controller/ledger/01",
        "/api/v1/subjects/controller/ledger/99999999999999999999", "/api/v1/subjects/controller/proposals/p9"}) {
    EXPECT_EQ(Get(target).status, 404u) << target;
  }
  for (const char* query :
       {"?first=-1", "?count=201", "?count=", "?first", "?limit=3", "?first=1&first", "?first=01"}) {
    EXPECT_EQ(RuleOf(Get(kSubject + "/proposals" + query)), "site.query") << query;
  }
  EXPECT_EQ(RuleOf(Get(kSubject + "?first=1")), "site.query");
  for (const char* target : {"/", "/api/v1/subjects", "/api/v1/subjects/controller/proposals"}) {
    const HttpResponse answer =
        site_->Answer({.method = "POST", .target = target, .body = "{}", .fields = {{"host", "localhost:8440"}}});
    EXPECT_EQ(answer.status, 405u) << target;
    EXPECT_EQ(answer.allow, "GET, HEAD");
  }
  EXPECT_EQ(Get(kSubject + "/signatures").status, 405u);
}

TEST_F(SiteTest, ThePageLoadsNothingFromElsewhere) {
  for (const char* path : {"/", "/app.js", "/app.css"}) {
    const HttpResponse answer = Get(path);
    ASSERT_EQ(answer.status, 200u);
    EXPECT_THAT(answer.headers,
                ::testing::Contains(::testing::Pair("Content-Security-Policy",
                                                    ::testing::HasSubstr("default-src 'none'; script-src 'self';"))));
    EXPECT_THAT(answer.body, ::testing::Not(::testing::HasSubstr("https://")));
  }
}

TEST_F(SiteTest, RefusesWhoAsksTooOften) {
  Site slow = Open({.burst = 2, .per_second = 0.001});
  const HttpRequest request{
      .method = "GET", .target = "/api/v1/subjects", .body = {}, .fields = {{"host", "localhost:8440"}}};
  EXPECT_EQ(slow.Answer(request).status, 200u);
  EXPECT_EQ(slow.Answer(request).status, 200u);
  EXPECT_EQ(slow.Answer(request).status, 429u);
}

// ---- signing

TEST_F(SiteTest, StoresWhatAPasskeySigned) {
  const Json decision = Proposal()["decision"];
  EXPECT_EQ(decision["needed"], 2);
  const HttpResponse first = Post("/signatures", Signature(decision, "ada@example.org", *ada_));
  ASSERT_EQ(first.status, 200u) << first.body;
  EXPECT_THAT(Read(first)["sentence"].get<std::string>(), ::testing::HasSubstr("1 more person"));
  const HttpResponse second = Post("/signatures", Signature(decision, "bea@example.org", *bea_));
  ASSERT_EQ(second.status, 200u) << second.body;
  EXPECT_THAT(Read(second)["sentence"].get<std::string>(), ::testing::HasSubstr("has every approval"));
  const Json approvals = Proposal()["approvals"];
  ASSERT_EQ(approvals.size(), 2u);
  EXPECT_EQ(approvals[0]["signature"], "webauthn-sk-ecdsa-sha2-nistp256@openssh.com");
  EXPECT_EQ(approvals[0]["origin"], kOrigin);
  EXPECT_EQ(approvals[0]["presence_proven"], true);
}

TEST_F(SiteTest, RefusesASignatureThatShowsTooLittle) {
  const Json decision = Proposal()["decision"];
  const auto rule = [&](uint8_t flags, const SignerForTests::Browser& browser,
                        const std::string& who = "ada@example.org", const SignerForTests* signer = nullptr) {
    return RuleOf(Post("/signatures", Signature(decision, who, signer == nullptr ? *ada_ : *signer, flags, browser)));
  };
  const SignerForTests::Browser usual{.origin = kOrigin};
  EXPECT_EQ(rule(0x00, usual), "site.presence");  // nobody there
  EXPECT_EQ(rule(0x01, usual), "site.presence");  // somebody, nobody knows who
  EXPECT_EQ(rule(0x04, usual), "site.presence");  // verified, and gone
  EXPECT_EQ(rule(0x05, {.origin = "http://localhost:9999"}), "site.presence");
  EXPECT_EQ(rule(0x05, {.origin = kOrigin, .after = ",\"crossOrigin\":true}"}), "site.passkey");
  EXPECT_EQ(rule(0x05, {.origin = kOrigin, .type = "webauthn.create"}), "site.passkey");
  EXPECT_EQ(rule(0x05, {.origin = kOrigin, .challenge = "another"}), "site.passkey");
  EXPECT_EQ(rule(0x05, usual, "bea@example.org"), "site.passkey");      // somebody else's
  EXPECT_EQ(rule(0x05, usual, "ann@example.org"), "site.passkey");      // who has no passkey
  EXPECT_EQ(rule(0x05, usual, "mallory@example.org"), "site.passkey");  // in no charter
  const SignerForTests stranger = Passkey();
  EXPECT_EQ(rule(0x05, usual, "ada@example.org", &stranger), "site.passkey");
  SignerForTests elsewhere = *ada_;
  elsewhere.public_key.application = "evil.example";
  EXPECT_EQ(rule(0x05, usual, "ada@example.org", &elsewhere), "site.passkey");
  EXPECT_TRUE(Proposal()["approvals"].empty());
}

TEST_F(SiteTest, TakesNoSignatureOverAnotherStatement) {
  const Json decision = Proposal()["decision"];
  Json replayed = Signature(decision, "ada@example.org", *ada_);
  Json draft = Read(
      Post("/drafts", {{"action", "reject"}, {"proposal", "p3"}, {"principal", "ada@example.org"}, {"reason", "no"}}));
  replayed["payload"] = draft["payload"];
  EXPECT_EQ(RuleOf(Post("/signatures", replayed)), "site.passkey");
  // Another person's refusal, an older draft, a decision that nobody asks for, and statements that are not people's.
  EXPECT_EQ(RuleOf(Post("/signatures", Signature(draft, "bea@example.org", *bea_))), "site.statement");
  now_ += kDraftAgeMax_s + 1;
  EXPECT_EQ(RuleOf(Post("/signatures", Signature(draft, "ada@example.org", *ada_))), "site.draft-age");
  const auto with = [&](const std::string& payload) {
    const std::string message = encoding::PreAuthenticationEncoding(warrant::kPayloadType, payload);
    return Json{{"payload", encoding::EncodeBase64(payload)},
                {"challenge", encoding::EncodeBase64Url(crypto::SshsigToBeSigned(message, warrant::kApprovalNamespace,
                                                                                 crypto::SshsigHash::kSha256))}};
  };
  const std::string payload = *encoding::DecodeBase64(decision["payload"].get<std::string>());
  warrant::Decision other = *warrant::ReadDecision(payload);
  other.epoch += 1;
  EXPECT_EQ(RuleOf(Post("/signatures", Signature(with(warrant::WriteDecision(other)), "ada@example.org", *ada_))),
            "site.statement");
  const Json entry = Read(Get(kSubject + "/ledger/1"));
  const Json envelope = Json::parse(*encoding::DecodeBase64(entry["entry"].get<std::string>()));
  const std::string proposal = *encoding::DecodeBase64(envelope["payload"].get<std::string>());
  EXPECT_EQ(RuleOf(Post("/signatures", Signature(with(proposal), "ada@example.org", *ada_))), "site.statement");
  now_ += 30 * warrant::kDay;
  EXPECT_EQ(RuleOf(Post("/signatures", Signature(decision, "ada@example.org", *ada_))), "approve.expired");
}

TEST_F(SiteTest, RejectsWithAReason) {
  Json draft = {{"action", "reject"}, {"proposal", "p3"}, {"principal", "ada@example.org"}, {"reason", " \n"}};
  EXPECT_EQ(RuleOf(Post("/drafts", draft)), "site.reason");
  draft["reason"] = "the second layer was never tried at night";
  Json nobody = draft;
  nobody["principal"] = "mallory@example.org";
  EXPECT_EQ(RuleOf(Post("/drafts", nobody)), "site.not-a-signer");
  const HttpResponse answer = Post("/signatures", Signature(Read(Post("/drafts", draft)), "ada@example.org", *ada_));
  ASSERT_EQ(answer.status, 200u) << answer.body;
  const Json refusals = Proposal()["refusals"];
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_EQ(refusals[0]["reason"], draft["reason"]);
}

TEST_F(SiteTest, HaltsTheLoaderAndTheLedger) {
  const Json draft = {
      {"action", "halt"}, {"proposal", ""}, {"principal", "ada@example.org"}, {"reason", "evidence vanished"}};
  const Json request = Read(Post("/drafts", draft));
  EXPECT_EQ(RuleOf(Post("/signatures", Signature(request, "ada@example.org", *ada_, 0x01))), "site.presence");
  EXPECT_EQ(Read(Get(kSubject))["halted"], false);
  const HttpResponse answer = Post("/signatures", Signature(request, "ada@example.org", *ada_));
  ASSERT_EQ(answer.status, 200u) << answer.body;
  const Json subject = Read(Get(kSubject));
  EXPECT_EQ(subject["halted"], true);
  EXPECT_EQ(subject["ledger_halts"][0], "ada@example.org: evidence vanished");
  EXPECT_EQ(subject["loader_halts"][0], "ada@example.org: evidence vanished");
  // The same words in the same second are another statement, which a resume of the first does not lift.
  EXPECT_NE(Read(Post("/drafts", draft))["digest"], request["digest"]);
}

TEST_F(SiteTest, HaltsTheLoaderWhereTheLedgerCannotBeWritten) {
  const Json draft = {
      {"action", "halt"}, {"proposal", ""}, {"principal", "ada@example.org"}, {"reason", "disk is gone"}};
  const Json signature = Signature(Read(Post("/drafts", draft)), "ada@example.org", *ada_);
  const std::string place = directory_ / "home/ledger/controller.sqlite";
  std::filesystem::rename(place, place + ".away");
  std::filesystem::create_directory(place);
  EXPECT_EQ(RuleOf(Post("/signatures", signature)), "halt.ledger");
  std::filesystem::remove(place);
  std::filesystem::rename(place + ".away", place);
  EXPECT_EQ(Read(Get(kSubject))["loader_halts"].size(), 1u);
}

TEST_F(SiteTest, TakesNoOtherHaltThanItDrafts) {
  const Json draft = {{"action", "halt"}, {"proposal", ""}, {"principal", "ada@example.org"}, {"reason", "stop"}};
  const Json request = Read(Post("/drafts", draft));
  const std::string payload = *encoding::DecodeBase64(request["payload"].get<std::string>());
  const auto rule = [&](const std::function<void(warrant::Decision&)>& change) {
    warrant::Decision halt = *warrant::ReadDecision(payload);
    change(halt);
    const std::string changed = warrant::WriteDecision(halt);
    const std::string message = encoding::PreAuthenticationEncoding(warrant::kPayloadType, changed);
    const Json other = {{"payload", encoding::EncodeBase64(changed)},
                        {"challenge", encoding::EncodeBase64Url(crypto::SshsigToBeSigned(
                                          message, warrant::kApprovalNamespace, crypto::SshsigHash::kSha256))}};
    return RuleOf(Post("/signatures", Signature(other, "ada@example.org", *ada_)));
  };
  EXPECT_EQ(rule([](warrant::Decision& halt) { halt.action = warrant::Action::kResume; }), "site.statement");
  EXPECT_EQ(rule([](warrant::Decision& halt) { halt.about.subject = "other"; }), "site.statement");
  EXPECT_EQ(rule([](warrant::Decision& halt) { halt.resource = "https://example.org/other"; }), "site.statement");
  EXPECT_EQ(rule([](warrant::Decision& halt) { halt.charter_epoch += 1; }), "site.statement");
  EXPECT_EQ(rule([](warrant::Decision& halt) { halt.expires += 1; }), "site.statement");
  EXPECT_EQ(rule([](warrant::Decision& halt) { halt.issued += 601, halt.expires += 601; }), "site.draft-age");
  EXPECT_EQ(rule([](warrant::Decision& halt) { halt.issued -= 601, halt.expires -= 601; }), "site.draft-age");
  EXPECT_EQ(Read(Get(kSubject))["halted"], false);
}

TEST_F(SiteTest, TakesNothingThatAPageOfOthersCanSend) {
  const Json signature = Signature(Proposal()["decision"], "ada@example.org", *ada_);
  EXPECT_EQ(Post("/signatures", signature, kOrigin, "text/plain").status, 415u);
  EXPECT_EQ(Post("/signatures", signature, kOrigin, "").status, 415u);
  EXPECT_EQ(RuleOf(Post("/signatures", signature, "https://evil.example")), "site.origin");
  EXPECT_EQ(RuleOf(Post("/signatures", signature, "null")), "site.origin");
  Json more = signature;
  more["yes"] = true;
  EXPECT_EQ(RuleOf(Post("/signatures", more)), "json.member-unknown");
  for (const char* body : {"", "[]", "{\"payload\":1}", "{"}) {
    const HttpResponse answer = site_->Answer(
        {.method = "POST",
         .target = kSubject + "/signatures",
         .body = body,
         .fields = {{"host", "localhost:8440"}, {"origin", kOrigin}, {"content-type", "application/json"}}});
    EXPECT_EQ(answer.status, 400u) << body;
  }
}

// What tests/browser starts from: run by name alone, with the folder and the signers in the environment.
TEST(DISABLED_Browser, MakesItsHome) {
  const char* const signers = std::getenv("PAWL_BROWSER_SIGNERS");
  MakeHome(std::getenv("PAWL_BROWSER_HOME"), std::getenv("PAWL_BROWSER_ORIGIN"), "localhost",
           signers == nullptr ? "" : signers, std::time(nullptr));
}

}  // namespace
}  // namespace pawl::site
