// A home whose third proposal waits for people, two passkeys of theirs, and a site over a copy of it, asked without a
// socket:
//
//   TEST_F(SiteTest, Shows…) { EXPECT_EQ(Read(Get(kSubject + "/proposals/p3"))["action"], "release"); }
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "audit/records.h"
#include "encoding/base64.h"
#include "ledger/ledger.h"
#include "signing/signer_for_tests.h"
#include "site/signing_desk.h"
#include "site/site.h"
#include "subject/file_descriptor.h"
#include "warrant/path_for_test.h"

namespace pawl::site {

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
inline void SaveHome(const Path& path, const std::string& folder, const std::vector<std::string>& entries) {
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
inline void AppendBroken(const std::string& folder, const std::string& name, const std::string& document,
                         int64_t now_s) {
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
inline Json BrokenDocument() {
  return {{"property", "calm"},
          {"network", crypto::Sha256(warrant::TinyNetwork(2)).Text()},
          {"spec", crypto::Sha256(kRoomSpec).Text()},
          {"violates_float", true},
          {"violates_real", true},
          {"inputs", Json::array({"0.5", "0"})},
          {"outputs", Json::array({"0.6", "8"})},
          {"words", "room = 20 °C, Sun <b>here</b> = 0 gives heat = 12 kW, cooling = 8 kW"}};
}

inline constexpr char kEndOfAKey[] = "2099-01-31T23:59:59Z";  // of the reviewer prover-a

// A home whose third proposal waits for two people: one release was made by it, one reviewer abstains, and its text is
// hostile. `signers` are lines for the charter's file of signers beside those of Path. After it come proposals up to
// number `proposals`, ten entries each; one in ten is open, the others were turned away.
inline void MakeHome(const std::string& folder, const std::string& origin, const std::string& rp_id,
                     const std::string& signers, int64_t now_s, int proposals = 3) {
  Path path = Path::OfItsOwn([&](charter::TestCharter& test) {
    test.Replace("signers = \"approvers\"",
                 "signers = \"approvers\"\nrp_id = \"" + rp_id + "\"\norigins = [\"" + origin + "\"]");
    test.files["approvers"] += signers;
    test.files["reviewers.toml"] = std::string("[[reviewer]]\nname = \"prover-a\"\nexpires = \"") + kEndOfAKey + "\"\n";
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

inline SignerForTests Passkey() { return SignerForTests(crypto::SshKeyType::kWebauthnSkEcdsaP256, "localhost"); }

inline std::string LineOf(const std::string& principal, const SignerForTests& signer) {
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

}  // namespace pawl::site
