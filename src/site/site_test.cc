#include "site/site.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "audit/records.h"
#include "crypto/p256.h"
#include "encoding/base64.h"
#include "ledger/ledger.h"
#include "server/http_server.h"
#include "signing/signer_for_tests.h"
#include "site/embedded.h"
#include "site/login.h"
#include "site/signing_desk.h"
#include "subject/file_descriptor.h"
#include "warrant/path_for_test.h"
#include "warrant/property_check.h"

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

// Two inputs and two outputs, in the units of a room.
constexpr char kRoomSpec[] =
    "; X_0: room [°C], unscaled = 40 * x + 0\n; X_1: Sun <b>here</b>\n"
    "; Y_0: heat [kW], unscaled = 20 * x + 0\n; Y_1: cooling [kW]\n"
    "(declare-const X_0 Real)\n(declare-const X_1 Real)\n(declare-const Y_0 Real)\n(declare-const Y_1 Real)\n"
    "(assert (>= X_0 0.25))\n(assert (<= X_0 0.75))\n(assert (>= X_1 0))\n(assert (<= X_1 0))\n"
    "(assert (or (and (<= Y_0 -1)) (and (>= Y_0 0.5) (>= Y_1 Y_0))))\n";

// The store, log and loader of a Path, as a home.
void SaveHome(const Path& path, const std::string& folder, const std::vector<std::string>& entries) {
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
                                  path.now, *ledger.StatedHead())
                  .ok());
  std::filesystem::create_directories(home.LoaderFolder("controller"));
  ASSERT_TRUE(warrant::WriteStateFile(home.StatePath("controller"), path.state).ok());
}

// One more proposal of a home's, which was turned away since it breaks a property that is written with units: the
// document is what the gate writes, or something else.
void AppendBroken(const std::string& folder, const std::string& name, const std::string& document, int64_t now_s) {
  const Path path = Path::WithTwoReleases();
  Result<storage::TreeStore> store = storage::TreeStore::Open(folder + "/store", storage::StoreAccess::kReadWrite);
  ASSERT_TRUE(store.ok());
  ASSERT_EQ(*store->PutBlob(kRoomSpec), crypto::Sha256(kRoomSpec));
  const audit::About about = {"controller", path.third};
  ledger::Ledger ledger = *ledger::Ledger::Open(folder + "/ledger/controller.sqlite", ledger::LedgerAccess::kReadWrite);
  std::vector<std::string> entries;
  const auto log = [&](const std::string& payload) {
    entries.push_back(encoding::SerializeEnvelope(path.BySomeone(payload, "log")));
  };
  log(audit::WriteProposal({.about = about,
                            .proposal = name,
                            .action = warrant::Action::kRelease,
                            .tree = path.third,
                            .parent_tree = path.state.tree,
                            .parent_warrant = path.state.warrant,
                            .diff = crypto::Sha256("diff"),
                            .note = "warmer",
                            .time = now_s}));
  for (const audit::Step step : {audit::Step::kFreeze, audit::Step::kSurface, audit::Step::kPace}) {
    log(audit::WriteFinding({.about = about,
                             .proposal = name,
                             .step = step,
                             .outcome = audit::FindingOutcome::kPass,
                             .rule = "",
                             .summary = "as it should be",
                             .evidence = {},
                             .time = now_s}));
  }
  log(audit::WriteFinding({.about = about,
                           .proposal = name,
                           .step = audit::Step::kProperties,
                           .outcome = audit::FindingOutcome::kRejected,
                           .rule = "property.violated",
                           .summary = "'calm': room = 20 °C gives heat = 12 kW",
                           .evidence = {{"counterexample", *store->PutBlob(document)}},
                           .time = now_s}));
  log(audit::WriteOutcomeRecord({.about = about,
                                 .proposal = name,
                                 .outcome = audit::ProposalOutcome::kRejected,
                                 .step = audit::Step::kProperties,
                                 .rule = "property.violated",
                                 .reason = "'calm': room = 20 °C gives heat = 12 kW",
                                 .time = now_s}));
  ASSERT_TRUE(ledger.Append(*ledger.Size(), entries).ok());
}

// As the gate writes it, of a network that gives 12 and 8 kW where the room has 20 °C.
Json BrokenDocument() {
  return {{"property", "calm"},
          {"network", crypto::Sha256(warrant::TinyNetwork(2)).Text()},
          {"spec", crypto::Sha256(kRoomSpec).Text()},
          {"violates_float", true},
          {"violates_real", true},
          {"inputs", Json::array({"0.5", "0"})},
          {"outputs", Json::array({"0.6", "8"})},
          {"words", "room = 20 °C, Sun <b>here</b> = 0 gives heat = 12 kW, cooling = 8 kW"}};
}

// A home whose third proposal waits for two people: one release was made by it, one reviewer abstains, and its text is
// hostile. `signers` are lines for the charter's file of signers beside those of Path. After it come proposals up to
// number `proposals`, ten entries each; one in ten is open, the others were turned away.
void MakeHome(const std::string& folder, const std::string& origin, const std::string& rp_id,
              const std::string& signers, int64_t now_s, int proposals = 3) {
  Path path = Path::OfItsOwn([&](charter::TestCharter& test) {
    test.Replace("signers = \"approvers\"",
                 "signers = \"approvers\"\nrp_id = \"" + rp_id + "\"\norigins = [\"" + origin + "\"]");
    test.files["approvers"] += signers;
  });
  path.now = std::max(path.now, now_s);
  const crypto::Digest certificate = *path.store().PutBlob(path.Certificate(warrant::TinyNetwork(2)));
  warrant::Tampering tampering;
  tampering.candidate = [&](warrant::Candidate& candidate) {
    candidate.certificates = {{"calm", crypto::Sha256(warrant::TinyNetwork(2)), certificate}};
  };
  tampering.votes = [&](std::vector<warrant::Vote>& votes) {
    warrant::Vote vote = votes.front();
    vote.reviewer = "prover-a2";
    vote.verdict = warrant::VoteVerdict::kAbstain;
    vote.reasons = {"the certificate took too long to check <b>here</b>"};
    votes.push_back(vote);
    votes[1].evidence = {{"checked", Json::array({certificate.Text()})},
                         {"results", Json::array({{{"holds", true}, {"leaves", 1}, {"ms", 12}}})}};
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
  for (int number = 4; number <= proposals; ++number) {
    const std::string name = "p" + std::to_string(number);
    const audit::About about = {"controller", tree};
    const auto log = [&](const std::string& payload) {
      entries.push_back(encoding::SerializeEnvelope(path.BySomeone(payload, "log")));
    };
    log(audit::WriteProposal({.about = about,
                              .proposal = name,
                              .action = warrant::Action::kRelease,
                              .tree = tree,
                              .parent_tree = path.state.tree,
                              .parent_warrant = path.state.warrant,
                              .diff = crypto::Sha256("diff"),
                              .note = "number " + std::to_string(number),
                              .time = path.now}));
    int looks = 0;
    const auto found = [&](audit::Step step, audit::FindingOutcome outcome) {
      log(audit::WriteFinding({.about = about,
                               .proposal = name,
                               .step = step,
                               .outcome = outcome,
                               .rule = outcome == audit::FindingOutcome::kPass ? "" : "pace.interval",
                               .summary = "look " + std::to_string(++looks),
                               .evidence = {},
                               .time = path.now}));
    };
    found(audit::Step::kFreeze, audit::FindingOutcome::kPass);
    found(audit::Step::kSurface, audit::FindingOutcome::kPass);
    for (int i = 0; i < 5; ++i) found(audit::Step::kPace, audit::FindingOutcome::kPending);
    if (number % 10 == 0) {
      for (int i = 0; i < 2; ++i) found(audit::Step::kPace, audit::FindingOutcome::kPending);
      continue;
    }
    found(audit::Step::kPace, audit::FindingOutcome::kRejected);
    log(audit::WriteOutcomeRecord({.about = about,
                                   .proposal = name,
                                   .outcome = audit::ProposalOutcome::kRejected,
                                   .step = audit::Step::kPace,
                                   .rule = "pace.interval",
                                   .reason = "too soon",
                                   .time = path.now}));
  }
  SaveHome(path, folder, entries);
}

SignerForTests Passkey() { return SignerForTests(crypto::SshKeyType::kWebauthnSkEcdsaP256, "localhost"); }

std::string LineOf(const std::string& principal, const SignerForTests& signer) {
  return principal + " namespaces=\"approve@pawl\" " + signer.public_key.Line() + "\n";
}

constexpr char kMapQuery[] = "?network=policy.onnx&property=calm&x=0&y=1&pick=smallest";

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
    SiteOptions options{.names = {"localhost:8440"}, .now_s = [this] { return now_; }, .desk = desk_};
    options.reading = options.signing = options.computing =
        rate.burst > 0 ? rate : Rate{.burst = 1'000, .per_second = 1'000};
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
  // One batch of a stream's, or more: until nothing new comes.
  using More = std::function<std::optional<std::string>()>;
  More Follow(const std::optional<std::string>& last_event_id) {
    HttpRequest request{
        .method = "GET", .target = kSubject + "/events", .body = {}, .fields = {{"host", "localhost:8440"}}};
    if (last_event_id) request.fields.emplace_back("last-event-id", *last_event_id);
    HttpResponse answer = site_->Answer(request);
    EXPECT_EQ(answer.status, 200u) << answer.body;
    EXPECT_EQ(answer.content_type, kEventStream);
    return answer.more;
  }
  struct Event {
    std::string kind, id;
    Json data;
  };
  static std::vector<Event> Events(const More& more) {
    std::string all;
    for (std::string text = *more(); !text.empty(); text = *more()) all += text;
    std::vector<Event> events;
    Event event;
    for (size_t at = 0; at < all.size();) {
      const std::string line = all.substr(at, all.find('\n', at) - at);
      at += line.size() + 1;
      if (line.starts_with("id: ")) event.id = line.substr(4);
      if (line.starts_with("event: ")) event.kind = line.substr(7);
      if (line.starts_with("data: ")) event.data = Json::parse(line.substr(6));
      if (line.empty() && !event.kind.empty()) events.push_back(std::exchange(event, {}));
    }
    return events;
  }
  static std::vector<std::string> KindsOf(const std::vector<Event>& events) {
    std::vector<std::string> kinds;
    for (const Event& event : events) kinds.push_back(event.kind);
    return kinds;
  }
  static void PassRenewal() { std::this_thread::sleep_for(kRenewEvery + std::chrono::milliseconds(20)); }
  Json Proposal() { return Read(Get(kSubject + "/proposals/p3")); }

  // What the page posts.
  static Json Signature(const Json& request, const std::string& principal, const SignerForTests& signer,
                        uint8_t flags = 0x05, const SignerForTests::Browser& browser = {.origin = kOrigin},
                        const std::string& reason = "") {
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
            {"reason", reason},
            {"assertion",
             {{"authenticator_data", encoding::EncodeBase64(data)},
              {"client_data_json", encoding::EncodeBase64(client_data)},
              {"signature", encoding::EncodeBase64(der)}}}};
  }

  // One more proposal: another charter, which is signed and waits.
  void Amend(const std::string& name = "p4") {
    Path path = Path::WithTwoReleases();
    const crypto::Digest charter =
        path.PutCharter([](charter::TestCharter& test) { test.Replace("max_step = 0.02", "max_step = 0.05"); });
    std::filesystem::copy(path.directory() + "/store", directory_ / "home/store",
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::skip_existing);
    ledger::Ledger ledger =
        *ledger::Ledger::Open(directory_ / "home/ledger/controller.sqlite", ledger::LedgerAccess::kReadWrite);
    ASSERT_TRUE(ledger
                    .Append(*ledger.Size(), {encoding::SerializeEnvelope(path.BySomeone(
                                                audit::WriteProposal({.about = {"controller", charter},
                                                                      .proposal = name,
                                                                      .action = warrant::Action::kAmendment,
                                                                      .tree = charter,
                                                                      .parent_tree = path.state.tree,
                                                                      .parent_warrant = path.state.warrant,
                                                                      .diff = crypto::Sha256("diff"),
                                                                      .note = "a larger step",
                                                                      .time = now_}),
                                                "log"))})
                    .ok());
  }

  static inline const std::string kSubject = "/api/v1/subjects/controller";
  static inline subject::TemporaryDirectory* made_ = nullptr;
  static inline SignerForTests *ada_ = nullptr, *bea_ = nullptr;
  subject::TemporaryDirectory directory_;
  DeskTerms desk_;
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
           (type == "boolean" && value.is_boolean()) || (type == "number" && value.is_number()) ||
           (type == "null" && value.is_null()) || (type == "array" && value.is_array()) ||
           (type == "object" && value.is_object());
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
    const bool by_itself = path.ends_with("openapi.json") || path.ends_with("/events") || path.ends_with("/charter");
    if (!methods.contains("get") || by_itself) continue;
    for (const char* proposal : {"p1", "p3"}) {
      std::string target = filled(path);
      if (path.ends_with("/map")) target += kMapQuery;
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
  const Json events = document["paths"][base + "/events"]["get"]["responses"]["200"]["content"]["text/event-stream"];
  std::set<std::string> kinds;
  for (const char* last : {"0", "none"}) {
    for (const Event& event : Events(Follow(last))) {
      kinds.insert(event.kind);
      ASSERT_TRUE(events["x-event-data"].contains(event.kind)) << event.kind;
      check.Check(event.data, events["x-event-data"][event.kind], event.kind);
    }
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"subject", "proposal", "entry", "reset"}));
  check.Check(Read(Get("/api/v1/none")), document["components"]["schemas"]["Error"], "error");
  AppendBroken(directory_ / "home", "p4", encoding::CanonicalJson(BrokenDocument()), now_);
  check.Check(Read(Get(kSubject + "/proposals/p4/proofs")), schema_of(base + "/proposals/{proposal}/proofs", "get"),
              base + "/proposals/{proposal}/proofs");
  Amend("p5");
  check.Check(Read(Get(kSubject + "/proposals/p5/charter")), schema_of(base + "/proposals/{proposal}/charter", "get"),
              "charter");
  for (const auto& [name, schema] : document["components"]["schemas"].items()) {
    const bool by_hand = name == "Error" || name == "DraftRequest" || name == "SignatureRequest";
    EXPECT_TRUE(by_hand || check.used.contains(name)) << name << " describes nothing that is answered";
  }
  for (const char* member : {"certificate.checks[].ms", "certificate.command", "counterexample.broken",
                             "counterexample.inputs[].upper", "counterexample.outputs[].unsafe_from", "words"}) {
    EXPECT_TRUE(check.seen.contains(base + "/proposals/{proposal}/proofs.proofs[]." + member)) << member;
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

// ---- proofs

// What the command that the page shows would read, put to the same function as it puts it to.
checker::Verdict RunCommand(const std::string& command) {
  std::vector<std::string> words;
  std::istringstream stream(command);
  for (std::string word; stream >> word;) words.push_back(word);
  std::map<std::string, std::string> options;
  for (size_t i = 5; i + 1 < words.size(); i += 2) options[words[i]] = words[i + 1];
  EXPECT_EQ(words[0] + " " + words[1], "pawl-check certificate");
  const auto file = [](const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    EXPECT_TRUE(in) << path;
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const std::string network = file(words[2]), spec = file(words[3]), certificate = file(words[4]);
  const std::string beside = options.contains("--centre")    ? file(options["--centre"])
                             : options.contains("--against") ? file(options["--against"])
                                                             : "";
  warrant::PropertyBytes bytes{network, spec, certificate};
  if (options.contains("--centre")) bytes.centre = beside;
  if (options.contains("--against")) bytes.baseline = beside;
  if (options.contains("--within")) bytes.within_max = *model::Decimal::Parse(options["--within"], 20);
  return warrant::CheckPropertyCertificate(bytes);
}

TEST_F(SiteTest, ShowsTheFactsOfACertificateAndWhoCheckedIt) {
  const Json proofs = Read(Get(kSubject + "/proposals/p3/proofs"))["proofs"];
  ASSERT_EQ(proofs.size(), 1u);
  EXPECT_EQ(proofs[0]["property"], "calm");
  EXPECT_EQ(proofs[0]["counterexample"], nullptr);
  EXPECT_THAT(proofs[0]["words"].dump(), ::testing::HasSubstr("it never happens that"));
  const Json facts = proofs[0]["certificate"];
  EXPECT_EQ(facts["leaves"], 1);
  EXPECT_EQ(facts["depth"], 0);
  EXPECT_EQ(facts["arithmetic"], "float32");
  EXPECT_EQ(facts["envelope"], nullptr);
  EXPECT_EQ(
      facts["bytes"].get<size_t>(),
      std::filesystem::file_size(directory_ / "home/store/blobs/" + facts["digest"].get<std::string>().substr(7, 2) +
                                 "/" + facts["digest"].get<std::string>().substr(7)));
  ASSERT_EQ(facts["checks"].size(), 1u) << "by the one prover whose vote names it";
  EXPECT_EQ(facts["checks"][0]["ms"], 12);
  EXPECT_EQ(facts["checks"][0]["holds"], true);
  EXPECT_TRUE(RunCommand(facts["command"]).proven);
  // A vote of an older version says only that it looked.
  EXPECT_EQ(Read(Get(kSubject + "/proposals/p1/proofs"))["proofs"][0]["certificate"]["checks"], Json::array());
}

TEST_F(SiteTest, ShowsACounterexampleInTheSubjectsOwnUnits) {
  AppendBroken(directory_ / "home", "p4", encoding::CanonicalJson(BrokenDocument()), now_);
  const Json row = Read(Get(kSubject + "/proposals/p4/proofs"))["proofs"][0];
  EXPECT_EQ(row["certificate"], nullptr);
  const Json found = row["counterexample"];
  EXPECT_EQ(found["why_not"], "");
  // The first alternative does not hold; of the second both rows do.
  EXPECT_EQ(found["broken"], Json::array({"heat >= 10 kW", "heat <= cooling (in the network's own scale)"}));
  const Json room = found["inputs"][0], sun = found["inputs"][1];
  EXPECT_EQ(room["name"], "room");
  EXPECT_EQ(room["value"], 20.0);
  EXPECT_EQ(room["words"], "20 °C");
  EXPECT_EQ(room["lower"], 10.0);
  EXPECT_EQ(room["upper"], 30.0);
  EXPECT_EQ(sun["name"], "Sun <b>here</b>");
  EXPECT_EQ(sun["lower"], sun["upper"]);
  const Json heat = found["outputs"][0], cooling = found["outputs"][1];
  EXPECT_EQ(heat["value"], 12.0);
  EXPECT_EQ(heat["unsafe_from"], 10.0);
  EXPECT_EQ(heat["unsafe_to"], nullptr);
  EXPECT_EQ(cooling["involved"], true);
  EXPECT_EQ(cooling["unsafe_from"], nullptr);
}

TEST_F(SiteTest, ShowsDriftBesideTheBaseline) {
  Json document = BrokenDocument();
  document["baseline"] = crypto::Sha256(warrant::TinyNetwork(1)).Text();
  document["baseline_outputs"] = Json::array({"0.1", "8"});
  document["within"] = "0.25";
  AppendBroken(directory_ / "home", "p4", encoding::CanonicalJson(document), now_);
  const Json row = Read(Get(kSubject + "/proposals/p4/proofs"))["proofs"][0];
  EXPECT_EQ(row["kind"], "drift");
  EXPECT_EQ(row["within"], "0.25");
  const Json found = row["counterexample"], heat = found["outputs"][0];
  EXPECT_EQ(found["broken"], Json::array({"heat is more than 0.25 above the baseline's (in the network's own scale)"}));
  EXPECT_EQ(heat["baseline"], 2.0);
  EXPECT_NEAR(heat["unsafe_from"], 7, 1e-9);
  EXPECT_EQ(heat["unsafe_to"], nullptr);
  EXPECT_EQ(found["outputs"][1]["involved"], false);
}

TEST_F(SiteTest, ShowsNoCounterexampleThatIsNotOne) {
  const auto shown = [&](const char* member, const Json& value) {
    static int number = 4;
    Json document = BrokenDocument();
    if (std::string_view(member) == "without") {
      document.erase(value.get<std::string>());
    } else {
      document[member] = value;
    }
    const std::string name = "p" + std::to_string(number++);
    AppendBroken(directory_ / "home", name, encoding::CanonicalJson(document), now_);
    const HttpResponse answer = Get(kSubject + "/proposals/" + name + "/proofs");
    if (answer.status != 200) return RuleOf(answer);
    const Json found = Read(answer)["proofs"][0]["counterexample"];
    return found["why_not"] != "" ? found["why_not"].get<std::string>() : found["broken"].dump();
  };
  const std::string shape = "it is about a network of another shape than the property is";
  EXPECT_EQ(shown("inputs", Json::array({"0.5"})), shape);
  EXPECT_EQ(shown("outputs", Json::array({"0.6", "8", "1"})), shape);
  EXPECT_EQ(shown("inputs", Json::array({"0.5", "not finite"})), shape);
  EXPECT_EQ(shown("inputs", Json::array({"0.9", "0"})), "[]") << "outside the property's box";
  EXPECT_EQ(shown("outputs", Json::array({"0.4", "8"})), "[]") << "not unsafe";
  EXPECT_THAT(shown("outputs", Json::array({"not finite", "8"})), ::testing::Not(::testing::StrEq("[]")));
  EXPECT_EQ(shown("inputs", Json::array({"0.50", "0"})), "json.member-range");
  EXPECT_EQ(shown("inputs", "0.5"), "json.member-type");
  EXPECT_EQ(shown("spec", "sha256:none"), "json.member-range");
  EXPECT_EQ(shown("without", "words"), "json.member-missing");
  EXPECT_EQ(shown("further", 1), "json.member-unknown");
  // Documents of older versions do not name the property's file: it is the charter's, where that fits.
  EXPECT_EQ(shown("without", "spec"), "[]");
  EXPECT_THAT(shown("property", "gone"),
              ::testing::StrEq("[\"heat >= 10 kW\",\"heat <= cooling (in the network's own scale)\"]"));
}

// The facts of the first proposal that a Path makes of this tree, by these certificates.
Json FactsOf(Path path, const crypto::Digest& tree, const warrant::Tampering& tampering) {
  path.Make({.tree = tree}, tampering);
  std::vector<std::string> entries = path.entries();
  const subject::TemporaryDirectory directory;
  SaveHome(path, directory / "home", entries);
  Result<Site> site = Site::Open(*ledger::Home::Open(directory / "home", ledger::HomeAccess::kExisting), {"controller"},
                                 {.names = {"localhost"}, .now_s = [now = path.now] { return now; }});
  EXPECT_TRUE(site.ok());
  const HttpResponse answer = site->Answer({.method = "GET",
                                            .target = "/api/v1/subjects/controller/proposals/p3/proofs",
                                            .body = {},
                                            .fields = {{"host", "localhost"}}});
  EXPECT_EQ(answer.status, 200u) << answer.body;
  const Json rows = Json::parse(answer.body)["proofs"];
  for (const Json& row : rows) EXPECT_TRUE(RunCommand(row["certificate"]["command"]).proven) << row;
  return rows;
}

TEST(SiteProofs, SayHowFarOutOfItsEnvelopeANetworkIs) {
  Path path = Path::WithEnvelopes();
  warrant::Tampering by_envelope;
  by_envelope.candidate = [&](warrant::Candidate& candidate) {
    candidate.certificates[0].certificate =
        *path.store().PutBlob(path.EnvelopeCertificate(warrant::TinyNetwork(1), 1.25));
  };
  const Json facts = FactsOf(path, path.third, by_envelope)[0]["certificate"];
  const Json envelope = facts["envelope"];
  EXPECT_EQ(envelope["tensors"], 1);
  EXPECT_EQ(envelope["largest"], 1.25);
  EXPECT_EQ(envelope["centre"], crypto::Sha256(warrant::TinyNetwork(1)).Text());
  EXPECT_EQ(envelope["is_centre"], false);
  EXPECT_EQ(envelope["furthest"], 0.8) << "the weights went from 1 to 2";
}

TEST(SiteProofs, SayWhatIsProvenOfDrift) {
  const Path path = Path::WithDrift();
  const Json rows = FactsOf(path, path.third, {});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["kind"], "property");
  EXPECT_EQ(rows[1]["kind"], "drift");
  EXPECT_EQ(rows[1]["within"], "1.25");
  EXPECT_EQ(rows[1]["certificate"]["within"],
            Json::parse(R"([{"output": "Y_0", "bound": "1.25"}, {"output": "Y_1", "bound": "1.25"}])"));
  EXPECT_EQ(rows[1]["certificate"]["leaves"], 4);
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
  // Another address has its own rate; what a client writes about itself is none, and a proxy's last word is.
  HttpRequest other = request;
  other.peer = "192.0.2.1";
  EXPECT_EQ(slow.Answer(other).status, 200u);
  EXPECT_EQ(slow.Answer(other).status, 200u);
  other.fields.emplace_back("x-forwarded-for", "192.0.2.7");
  EXPECT_EQ(slow.Answer(other).status, 429u);
  other.peer = "127.0.0.1";
  EXPECT_EQ(slow.Answer(other).status, 200u);
  other.fields.back().second = "made up, 192.0.2.7";
  EXPECT_EQ(slow.Answer(other).status, 200u);
  EXPECT_EQ(slow.Answer(other).status, 429u);
  // Who has read too much may still act.
  HttpRequest halt = request;
  halt.method = "POST";
  halt.target = kSubject + "/drafts";
  EXPECT_EQ(slow.Answer(halt).status, 415u);
}

// ---- watching, and logging in

TEST_F(SiteTest, TellsWatchersHowItStands) {
  const auto ask = [&](const std::string& target, const std::string& host = "10.1.2.3:8440") {
    return site_->AnswerWatcher({.method = "GET", .target = target, .body = {}, .fields = {{"host", host}}},
                                {.answers = 12, .streams = 3});
  };
  EXPECT_FALSE(ask("/"));
  EXPECT_FALSE(ask("/healthz?"));
  EXPECT_EQ(ask("/healthz")->status, 200u);
  const std::string text = ask("/metrics")->body;
  for (const char* line :
       {"pawl_ledger_readable{subject=\"controller\"} 1\n", "pawl_halted{subject=\"controller\"} 0\n",
        "pawl_proposals{subject=\"controller\",state=\"waits-for-people\"} 1\n",
        "pawl_proposals{subject=\"controller\",state=\"accepted\"} 2\n",
        "# TYPE pawl_http_answers_total counter\npawl_http_answers_total 12\n", "pawl_http_streams 3\n"}) {
    EXPECT_THAT(text, ::testing::HasSubstr(line));
  }
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("script")));
  for (const char* host : {"", "evil.example", "1.2.3.4.evil.example", "a.b.c.d", "localhost:8440.evil.example"}) {
    EXPECT_EQ(ask("/metrics", host)->status, 403u) << host;
  }
  for (const char* host : {"localhost:8440", "10.0.0.1", "[::1]:8440", "[2001:db8::1]"}) {
    EXPECT_EQ(ask("/healthz", host)->status, 200u) << host;
  }
  const ledger::Home home = *ledger::Home::Open(directory_ / "home", ledger::HomeAccess::kExisting);
  ledger::Ledger ledger = *ledger::Ledger::Open(home.LedgerPath("controller"), ledger::LedgerAccess::kReadWrite);
  ASSERT_TRUE(ledger.Append(*ledger.Size(), {"no envelope"}).ok());
  EXPECT_EQ(ask("/healthz")->status, 503u);
  EXPECT_THAT(ask("/healthz")->body, ::testing::StartsWith("controller: "));
  EXPECT_THAT(ask("/metrics")->body, ::testing::HasSubstr("pawl_ledger_readable{subject=\"controller\"} 0\n"));
}

TEST_F(SiteTest, KnowsWhomTheProxyPassesOn) {
  const std::string secret(32, 's');
  const Login login(secret);
  const auto who = [&](const std::string& value, const std::string& peer = "127.0.0.1") {
    return login.Who({.method = "GET", .target = "/", .body = {}, .fields = {{"authorization", value}}, .peer = peer});
  };
  const std::string right = "Basic " + encoding::EncodeBase64("ada@example.org:" + secret);
  EXPECT_EQ(who(right), "ada@example.org");
  EXPECT_EQ(who(right, "::1"), "ada@example.org");
  for (const char* peer : {"10.0.0.1", "", "192.0.2.127.", "::", "2001:db8::1"}) EXPECT_FALSE(who(right, peer)) << peer;
  for (const std::string& wrong :
       {"Basic " + encoding::EncodeBase64("ada:" + secret + "s"), "Basic " + encoding::EncodeBase64("ada:"),
        "Basic " + encoding::EncodeBase64(":" + secret), "Basic " + encoding::EncodeBase64("ada"),
        std::string("Basic "), "Bearer " + secret, "Basic ada:" + secret, std::string()}) {
    EXPECT_FALSE(who(wrong)) << wrong;
  }
  EXPECT_FALSE(login.Who({.method = "GET", .target = "/", .body = {}, .fields = {}, .peer = "127.0.0.1"}));
  EXPECT_FALSE(login.Who({.method = "GET",
                          .target = "/",
                          .body = {},
                          .fields = {{"authorization", right}, {"authorization", right}},
                          .peer = "127.0.0.1"}));
  const std::string path = directory_ / "secret";
  const auto rule = [&](const std::string& text, std::filesystem::perms perms) {
    std::ofstream(path) << text;
    std::filesystem::permissions(path, perms);
    const Result<Login> read = Login::Read(path);
    return read.ok() ? "" : read.error().rule;
  };
  const auto mine = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
  EXPECT_EQ(rule(secret + "\n", mine), "");
  EXPECT_EQ(rule(secret, mine | std::filesystem::perms::group_read), "");
  EXPECT_EQ(rule(secret, mine | std::filesystem::perms::others_read), "login.permissions");
  EXPECT_EQ(rule(secret, mine | std::filesystem::perms::group_write), "login.permissions");
  for (const std::string& bad :
       {std::string(31, 's'), std::string(257, 's'), secret + "\n" + secret, secret + " x", std::string()}) {
    EXPECT_EQ(rule(bad, mine), "login.secret") << bad;
  }
  EXPECT_EQ(Login::Read(directory_ / "none").error().rule, "login.unreadable");
  EXPECT_EQ(Login::Read(directory_ / "").error().rule, "login.unreadable");
}

// ---- following

TEST_F(SiteTest, TellsFollowersWhatHappens) {
  const More more = Follow(std::nullopt);
  const std::vector<Event> begin = Events(more);
  EXPECT_THAT(KindsOf(begin), ::testing::ElementsAre("subject"));
  const uint64_t size = Read(Get(kSubject))["events"];
  EXPECT_EQ(begin[0].id, std::to_string(size));
  EXPECT_EQ(begin[0].data["halted"], false);
  PassRenewal();
  EXPECT_EQ(*more(), "");
  ASSERT_EQ(Post("/signatures", Signature(Proposal()["decision"], "ada@example.org", *ada_)).status, 200u);
  PassRenewal();
  const std::vector<Event> approved = Events(more);
  EXPECT_THAT(KindsOf(approved), ::testing::ElementsAre("entry", "subject"));
  EXPECT_EQ(approved[0].id, std::to_string(size + 1));
  EXPECT_EQ(approved[0].data["index"], size);
  EXPECT_EQ(approved[1].data["events"], size + 1);
  const Json draft = {{"action", "halt"}, {"proposal", ""}, {"principal", "ada@example.org"}, {"reason", "stop"}};
  ASSERT_EQ(Post("/signatures", Signature(Read(Post("/drafts", draft)), "ada@example.org", *ada_)).status, 200u);
  PassRenewal();
  const std::vector<Event> halted = Events(more);
  EXPECT_THAT(KindsOf(halted), ::testing::ElementsAre("entry", "subject"));
  EXPECT_EQ(halted[1].data["halted"], true);
}

TEST_F(SiteTest, ResumesWhereAFollowerWas) {
  const uint64_t size = Read(Get(kSubject))["events"];
  ASSERT_GT(size, 5u);
  const std::vector<Event> missed = Events(Follow(std::to_string(size - 3)));
  std::vector<std::string> ids;
  for (const Event& event : missed) {
    if (event.kind == "entry") ids.push_back(event.id);
  }
  EXPECT_THAT(ids, ::testing::ElementsAre(std::to_string(size - 2), std::to_string(size - 1), std::to_string(size)));
  EXPECT_EQ(missed.front().kind, "proposal");
  EXPECT_EQ(missed.front().data["proposal"], "p3");
  EXPECT_EQ(missed.back().kind, "subject");
  EXPECT_THAT(KindsOf(Events(Follow(std::to_string(size)))), ::testing::ElementsAre("subject"));
  for (const std::string& never : {std::to_string(size + 1), std::string("x"), std::string(""), std::string("-1"),
                                   std::string("99999999999999999999999")}) {
    const std::vector<Event> events = Events(Follow(never));
    EXPECT_THAT(KindsOf(events), ::testing::ElementsAre("reset", "subject")) << never;
    EXPECT_EQ(events[0].id, std::to_string(size)) << never;
  }
}

TEST_F(SiteTest, TellsFollowersThatTheLedgerCannotBeRead) {
  const More more = Follow(std::nullopt);
  Events(more);
  const ledger::Home home = *ledger::Home::Open(directory_ / "home", ledger::HomeAccess::kExisting);
  ledger::Ledger ledger = *ledger::Ledger::Open(home.LedgerPath("controller"), ledger::LedgerAccess::kReadWrite);
  ASSERT_TRUE(ledger.Append(*ledger.Size(), {"no envelope"}).ok());
  PassRenewal();
  const std::vector<Event> events = Events(more);
  ASSERT_THAT(KindsOf(events), ::testing::ElementsAre("failure"));
  EXPECT_NE(events[0].data["error"]["rule"], "");
  // Said once for what is the same: the first time it is about the entry, from then on about a log that is out of step.
  PassRenewal();
  const std::vector<Event> second = Events(more);
  if (!second.empty()) {
    EXPECT_NE(second[0].data, events[0].data);
  }
  PassRenewal();
  EXPECT_THAT(KindsOf(Events(more)), ::testing::IsEmpty());
}

TEST_F(SiteTest, GivesNoStreamToOthersNorByOtherMethods) {
  EXPECT_EQ(RuleOf(Get(kSubject + "/events?first=1")), "site.query");
  for (const auto& [method, host, status] :
       {std::tuple{"POST", "localhost:8440", 405u}, {"GET", "evil.example", 403u}, {"HEAD", "localhost:8440", 200u}}) {
    const HttpResponse answer =
        site_->Answer({.method = method, .target = kSubject + "/events", .body = {}, .fields = {{"host", host}}});
    EXPECT_EQ(answer.status, status) << method;
    EXPECT_FALSE(answer.more) << method;
  }
}

// A halt takes effect within a second however many others wait: 200 streams that say nothing, 200 clients that are slow
// to ask or to listen, at the limits as they are by default.
TEST_F(SiteTest, HaltsWithinASecondWhileHundredsWait) {
  rlimit files{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
  Result<server::HttpServer> server =
      server::HttpServer::Listen("127.0.0.1:0", {.body_bytes_max = kRequestBytesMax},
                                 [this](const HttpRequest& request) { return site_->Answer(request); });
  ASSERT_TRUE(server.ok());
  const std::string address = server->address();
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto connected = [&](const std::string& says) {
    subject::FileDescriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    const timeval patience{.tv_sec = 5, .tv_usec = 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(send(fd.get(), says.data(), says.size(), MSG_NOSIGNAL), static_cast<ssize_t>(says.size()));
    return fd;
  };
  const auto received = [](const subject::FileDescriptor& fd, const std::string& until) {
    std::string all;
    char buffer[4'096];
    for (ssize_t got; all.find(until) == all.npos && (got = recv(fd.get(), buffer, sizeof buffer, 0)) > 0;) {
      all.append(buffer, static_cast<size_t>(got));
    }
    return all;
  };
  const std::string head = " HTTP/1.1\r\nHost: localhost:8440\r\n";
  std::jthread serving([&](const std::stop_token& stop) { server->Run(stop); });
  std::vector<subject::FileDescriptor> streams, slow;
  for (int i = 0; i < 200; ++i) streams.push_back(connected("GET " + kSubject + "/events" + head + "\r\n"));
  for (const auto& stream : streams) EXPECT_THAT(received(stream, "event: subject"), ::testing::HasSubstr("200 OK"));
  for (int i = 0; i < 50; ++i) {
    slow.push_back(connected(""));
    slow.push_back(connected("GET / HTTP"));
    slow.push_back(connected("POST " + kSubject + "/signatures" + head + "Content-Length: 100000\r\n\r\n{"));
    slow.push_back(connected("GET /app.js" + head + "\r\nGET /app.js" + head + "\r\n"));
  }
  const auto post = [&](const std::string& path, const Json& body) {
    const std::string text = body.dump();
    const subject::FileDescriptor fd =
        connected("POST " + kSubject + path + head + "Content-Type: application/json\r\nOrigin: " + kOrigin +
                  "\r\nConnection: close\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text);
    const std::string answer = received(fd, "\r\n\r\n{never}");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
    return Json::parse(answer.substr(answer.find("\r\n\r\n") + 4));
  };
  const auto start = std::chrono::steady_clock::now();
  const Json draft =
      post("/drafts", {{"action", "halt"}, {"proposal", ""}, {"principal", "ada@example.org"}, {"reason", "now"}});
  EXPECT_EQ(post("/signatures", Signature(draft, "ada@example.org", *ada_))["signed"], "halt");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  for (const auto& stream : streams) {
    EXPECT_THAT(received(stream, "\"halted\":true"), ::testing::HasSubstr("\"halted\":true"));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));
  serving.request_stop();
  slow.clear();
  serving.join();
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

// The gate's path, and what an approval has to say once somebody has spoken against.
TEST_F(SiteTest, AsksWhyWhereSomebodyRefused) {
  const Json no = {{"action", "reject"}, {"proposal", "p3"}, {"principal", "bea@example.org"}, {"reason", "too soon"}};
  ASSERT_EQ(Post("/signatures", Signature(Read(Post("/drafts", no)), "bea@example.org", *bea_)).status, 200u);
  EXPECT_EQ(Proposal()["objections"][0], "bea@example.org refused: too soon");
  const Json decision = Proposal()["decision"];
  EXPECT_EQ(RuleOf(Post("/signatures", Signature(decision, "ada@example.org", *ada_))), "approve.reason");
  EXPECT_EQ(
      RuleOf(Post("/signatures", Signature(decision, "ada@example.org", *ada_, 0x05, {.origin = kOrigin}, " \n\t"))),
      "approve.reason");
  const HttpResponse answer = Post("/signatures", Signature(decision, "ada@example.org", *ada_, 0x05,
                                                            {.origin = kOrigin}, "it was tried\nat night"));
  ASSERT_EQ(answer.status, 200u) << answer.body;
  EXPECT_EQ(Proposal()["approvals"][0]["reason"], "it was tried at night");
  // Whoever has changed their mind answers to nobody but the others.
  EXPECT_EQ(Post("/signatures", Signature(decision, "bea@example.org", *bea_)).status, 200u);
  EXPECT_EQ(Proposal()["approvals"].size(), 2u);
}

TEST_F(SiteTest, TakesSoManyApprovalsOfAPersonADay) {
  desk_.approvals_a_day_max = 0;
  site_.emplace(Open({}));
  const Json request = Signature(Proposal()["decision"], "ada@example.org", *ada_);
  EXPECT_EQ(RuleOf(Post("/signatures", request)), "site.pace");
  EXPECT_TRUE(Proposal()["approvals"].empty());
  desk_.approvals_a_day_max = 1;
  site_.emplace(Open({}));
  EXPECT_EQ(Post("/signatures", request).status, 200u);
}

// ---- pictures

TEST_F(SiteTest, MapsDecisionsOnlyWhereAPropertySpeaks) {
  const std::string map = kSubject + "/proposals/p3/map";
  const Json found = Read(Get(map + kMapQuery));
  const size_t cells = found["cells"];
  EXPECT_EQ(found["candidate"].size(), cells * cells);
  EXPECT_EQ(found["parent"].size(), cells * cells);
  for (const char* query : {"", "?x=0&y=1", "?network=policy.onnx&property=calm&x=0&y=0&pick=smallest",
                            "?network=policy.onnx&property=calm&x=0&y=1&pick=best",
                            "?network=policy.onnx&property=calm&x=-1&y=1&pick=smallest",
                            "?network=policy.onnx&property=calm&x=0&y=1&pick=smallest&x=2",
                            "?network=%00&property=calm&x=0&y=1&pick=smallest",
                            "?network=policy.onnx&property=calm&x=0&y=1&pick=smallest&more=1"}) {
    EXPECT_EQ(RuleOf(Get(map + query)), "site.query") << query;
  }
  for (const char* query : {"?network=policy.onnx&property=none&x=0&y=1&pick=smallest",
                            "?network=..%2Fkeys&property=calm&x=0&y=1&pick=smallest",
                            "?network=policy.onnx&property=calm&x=0&y=900&pick=smallest"}) {
    EXPECT_EQ(RuleOf(Get(map + query)), "site.no-map") << query;
  }
}

TEST_F(SiteTest, ShowsHowFarTheWeightsOfALayerMoved) {
  const Json networks = Read(Get(kSubject + "/proposals/p3/networks"))["networks"];
  ASSERT_EQ(networks.size(), 1u);
  EXPECT_EQ(networks[0]["path"], "policy.onnx");
  EXPECT_EQ(networks[0]["same_shape"], true);
  const Json& moved = networks[0]["candidate"]["layers"][0]["moved"];
  EXPECT_GT(moved["changed"].get<int>(), 0);
  EXPECT_GT(moved["largest"].get<double>(), 0);
  EXPECT_EQ(moved["blocks"].size(), moved["rows"].get<size_t>() * moved["columns"].get<size_t>());
}

TEST_F(SiteTest, SaysWhatAnAmendmentLoosens) {
  EXPECT_EQ(RuleOf(Get(kSubject + "/proposals/p3/charter")), "site.no-amendment");
  Amend();
  const Json changes = Read(Get(kSubject + "/proposals/p4/charter"))["changes"];
  const Json step = {
      {"what", "largest step in capability"}, {"before", "0.02"}, {"after", "0.05"}, {"effect", "loosens"}};
  EXPECT_NE(std::find(changes.begin(), changes.end(), step), changes.end()) << changes;
}

// ---- halting and resuming

TEST_F(SiteTest, ResumesWhenEnoughPeopleHaveSigned) {
  const auto draft = [&](const char* who, const char* reason) {
    return Post("/drafts", {{"action", "resume"}, {"proposal", ""}, {"principal", who}, {"reason", reason}});
  };
  EXPECT_EQ(RuleOf(draft("ada@example.org", "over")), "site.not-halted");
  const Json halt = {{"action", "halt"}, {"proposal", ""}, {"principal", "ada@example.org"}, {"reason", "drill"}};
  ASSERT_EQ(Post("/signatures", Signature(Read(Post("/drafts", halt)), "ada@example.org", *ada_)).status, 200u);
  EXPECT_EQ(Read(Get(kSubject))["resume"]["needed"], 2);
  EXPECT_EQ(RuleOf(draft("ada@example.org", " ")), "site.reason");
  EXPECT_EQ(RuleOf(draft("mallory@example.org", "over")), "site.not-a-signer");
  const Json first = Read(draft("ada@example.org", "drill over"));
  // Somebody else's passkey, nobody there, and a resume that lifts something else.
  EXPECT_EQ(RuleOf(Post("/signatures", Signature(first, "bea@example.org", *ada_))), "site.passkey");
  EXPECT_EQ(RuleOf(Post("/signatures", Signature(first, "ada@example.org", *ada_, 0x01))), "site.presence");
  HttpResponse answer = Post("/signatures", Signature(first, "ada@example.org", *ada_));
  ASSERT_EQ(answer.status, 200u) << answer.body;
  EXPECT_NE(Read(answer)["sentence"].get<std::string>().find("1 of 2"), std::string::npos);
  Json subject = Read(Get(kSubject));
  EXPECT_EQ(subject["halted"], true);
  EXPECT_EQ(subject["resume"]["reason"], "drill over");
  EXPECT_EQ(subject["resume"]["signed_by"], Json::array({"ada@example.org"}));
  // The same person again is one person; the next one signs what was begun, whatever they say.
  EXPECT_EQ(Post("/signatures", Signature(first, "ada@example.org", *ada_)).status, 200u);
  EXPECT_EQ(Read(Get(kSubject))["halted"], true);
  const Json second = Read(draft("bea@example.org", "another reason"));
  EXPECT_EQ(second["payload"], first["payload"]);
  answer = Post("/signatures", Signature(second, "bea@example.org", *bea_));
  ASSERT_EQ(answer.status, 200u) << answer.body;
  subject = Read(Get(kSubject));
  EXPECT_EQ(subject["halted"], false);
  EXPECT_TRUE(subject["resume"].is_null());
  EXPECT_EQ(RuleOf(Post("/signatures", Signature(second, "bea@example.org", *bea_))), "site.not-halted");
}

TEST_F(SiteTest, TakesNoOtherResumeThanItDrafts) {
  const Json halt = {{"action", "halt"}, {"proposal", ""}, {"principal", "ada@example.org"}, {"reason", "drill"}};
  ASSERT_EQ(Post("/signatures", Signature(Read(Post("/drafts", halt)), "ada@example.org", *ada_)).status, 200u);
  const Json draft = Read(
      Post("/drafts", {{"action", "resume"}, {"proposal", ""}, {"principal", "ada@example.org"}, {"reason", "over"}}));
  const auto edited = [&](const std::function<void(warrant::Decision&)>& edit) {
    warrant::Decision resume = *warrant::ReadDecision(*encoding::DecodeBase64(draft["payload"].get<std::string>()));
    edit(resume);
    const std::string payload = warrant::WriteDecision(resume);
    const std::string message = encoding::PreAuthenticationEncoding(warrant::kPayloadType, payload);
    const Json request = {{"payload", encoding::EncodeBase64(payload)},
                          {"challenge", encoding::EncodeBase64Url(crypto::SshsigToBeSigned(
                                            message, warrant::kApprovalNamespace, crypto::SshsigHash::kSha256))}};
    return RuleOf(Post("/signatures", Signature(request, "ada@example.org", *ada_)));
  };
  EXPECT_EQ(edited([](warrant::Decision& one) { one.expires += 1; }), "site.statement");
  EXPECT_EQ(edited([](warrant::Decision& one) {
              one.lifts.push_back(crypto::Sha256("x"));
              std::sort(one.lifts.begin(), one.lifts.end());
            }),
            "site.statement");
  EXPECT_EQ(edited([](warrant::Decision& one) { one.issued -= kDraftAgeMax_s + 1; }), "site.draft-age");
  EXPECT_EQ(Read(Get(kSubject))["halted"], true);
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
  EXPECT_EQ(rule([](warrant::Decision& halt) { halt.action = warrant::Action::kResume; }), "site.not-halted");
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
  const char* const proposals = std::getenv("PAWL_BROWSER_PROPOSALS");
  MakeHome(std::getenv("PAWL_BROWSER_HOME"), std::getenv("PAWL_BROWSER_ORIGIN"), "localhost",
           signers == nullptr ? "" : signers, std::time(nullptr), proposals == nullptr ? 3 : std::atoi(proposals));
  if (proposals != nullptr && std::atoi(proposals) > 3) return;
  AppendBroken(std::getenv("PAWL_BROWSER_HOME"), "p4", encoding::CanonicalJson(BrokenDocument()), std::time(nullptr));
}

}  // namespace
}  // namespace pawl::site
