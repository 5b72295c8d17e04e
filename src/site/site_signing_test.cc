// What people sign on the page, and what is refused: decisions, refusals, halts and resumes.
#include <fstream>

#include "crypto/p256.h"
#include "site/signing_bodies.h"
#include "site/site_for_test.h"

namespace pawl::site {
namespace {

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

// Before they approve, people read whom somebody accuses, and in whose word.
TEST_F(SiteTest, AsksWhyWhereSomebodyIsAccused) {
  {
    const ledger::Home home = *ledger::Home::Open(directory_ / "home", ledger::HomeAccess::kExisting);
    ledger::SubjectLog log = *ledger::SubjectLog::Open(home, "controller", ledger::LedgerAccess::kReadWrite);
    const audit::ProposalHistory proposal = *log.history().Find("p3");
    const warrant::Path path;
    const std::string complaint = audit::WriteComplaint({.about = proposal.votes[0].vote.about,
                                                         .complainant = "auditor-c",
                                                         .accused = proposal.votes[0].vote.reviewer,
                                                         .candidate = proposal.candidate_digest,
                                                         .rule = audit::ComplaintRule::kEvidence,
                                                         .reason = "it cannot be read",
                                                         .entry = proposal.votes[0].digest,
                                                         .vote = std::nullopt,
                                                         .time = now_});
    ASSERT_TRUE(log.Append({path.BySomeone(complaint, "auditor-c")}).ok());
  }
  const std::string words = Proposal()["objections"][0].get<std::string>();
  EXPECT_TRUE(words.starts_with("auditor-c accuses prover-a of audit.evidence (entry ")) << words;
  EXPECT_TRUE(words.ends_with("), in its own word: it cannot be read")) << words;
  const Json decision = Proposal()["decision"];
  EXPECT_EQ(RuleOf(Post("/signatures", Signature(decision, "ada@example.org", *ada_))), "approve.reason");
  const Json signature =
      Signature(decision, "ada@example.org", *ada_, 0x05, {.origin = kOrigin}, "its report was read by hand");
  EXPECT_EQ(Post("/signatures", signature).status, 200u);
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
  Json signature = Signature(decision, "ada@example.org", *ada_, 0x05, {.origin = kOrigin}, "it was tried\nat night");
  const HttpResponse answer = Post("/signatures", signature);
  ASSERT_EQ(answer.status, 200u) << answer.body;
  EXPECT_EQ(Proposal()["approvals"][0]["reason"], "it was tried at night");
  // Whoever reads the log can send her signature again, with words that are not hers.
  signature["reason"] = "nobody needs to look at this one";
  Post("/signatures", signature);
  EXPECT_EQ(Proposal()["approvals"].size(), 1u);
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

// ---- bodies

TEST_F(SiteTest, RefusesEveryMalformedShapeOfASignature) {
  const Json good = Signature(Proposal()["decision"], "ada@example.org", *ada_);
  // What is well formed goes on to the desk.
  const auto rule_of = [&](const std::string& body) {
    const auto read = ReadSignedBody(body);
    if (!read.ok()) return read.error().rule;
    return RuleOf(site_->Answer(
        {.method = "POST",
         .target = kSubject + "/signatures",
         .body = body,
         .fields = {{"host", "localhost:8440"}, {"origin", kOrigin}, {"content-type", "application/json"}}}));
  };
  const auto with = [&](const char* pointer, const Json& value) {
    Json changed = good;
    changed[Json::json_pointer(pointer)] = value;
    return rule_of(changed.dump());
  };
  const std::string parts[] = {"/payload", "/assertion/authenticator_data", "/assertion/client_data_json",
                               "/assertion/signature"};
  for (const std::string& part : parts) {
    const std::string text = good[Json::json_pointer(part)].get<std::string>();
    EXPECT_EQ(with(part.c_str(), 1), "json.member-type") << part;
    EXPECT_EQ(with(part.c_str(), nullptr), "json.member-type") << part;
    EXPECT_EQ(with(part.c_str(), "?" + text), "json.member-range") << part;
    EXPECT_EQ(with(part.c_str(), text + "\n"), "json.member-range") << part;
    EXPECT_EQ(with(part.c_str(), std::string(100'000, 'A')), "json.member-range") << part;
    EXPECT_NE(with(part.c_str(), "AAAA"), "") << part;
    Json without = good;
    Json& holder = part.starts_with("/assertion/") ? without["assertion"] : without;
    holder.erase(part.substr(part.rfind('/') + 1));
    EXPECT_EQ(rule_of(without.dump()), "json.member-missing") << part;
  }
  EXPECT_EQ(with("/principal", 1), "json.member-type");
  EXPECT_EQ(with("/principal", std::string(257, 'a')), "json.member-range");
  EXPECT_EQ(with("/reason", Json::array()), "json.member-type");
  EXPECT_EQ(with("/reason", std::string(1'001, 'a')), "json.member-range");
  EXPECT_EQ(with("/assertion", Json::array()), "json.member-type");
  EXPECT_EQ(with("/assertion", "x"), "json.member-type");
  EXPECT_EQ(with("/assertion/user_handle", "AAAA"), "json.member-unknown");
  EXPECT_EQ(with("/further", 1), "json.member-unknown");
  const std::string text = good.dump();
  EXPECT_EQ(rule_of("{\"principal\":\"bea@example.org\"," + text.substr(1)), "json.duplicate");
  EXPECT_EQ(rule_of(text + "{}"), "json.syntax");
  EXPECT_EQ(rule_of(text.substr(0, text.size() - 1)), "json.syntax");
  EXPECT_EQ(rule_of("[" + text + "]"), "json.member-type");
  EXPECT_EQ(rule_of(std::string(200, '[') + std::string(200, ']')), "json.too-deep");
  EXPECT_NE(rule_of("{\"payload\":\"\xff\"}"), "");
  // What a browser never makes: of the signature's DER, the authenticator's data and the browser's JSON.
  const std::string der = *encoding::DecodeBase64(good["assertion"]["signature"].get<std::string>());
  const std::string data = *encoding::DecodeBase64(good["assertion"]["authenticator_data"].get<std::string>());
  const auto bytes = [&](const char* pointer, const std::string& raw) {
    return with(pointer, encoding::EncodeBase64(raw));
  };
  for (const std::string& other : {der + '\0', der.substr(0, der.size() - 1), std::string(1, '\x31') + der.substr(1),
                                   der.substr(0, 1) + '\x7f' + der.substr(2), std::string("\x30\x00", 2)}) {
    EXPECT_EQ(bytes("/assertion/signature", other), "site.passkey");
  }
  for (const std::string& other : {data.substr(0, 36), data.substr(1), std::string(37, '\0'), data + "more"}) {
    EXPECT_EQ(bytes("/assertion/authenticator_data", other), "site.passkey");
  }
  for (const char* other : {"", "{", "[]", "{\"origin\":1}", "{\"origin\":\"http://localhost:8440\"}"}) {
    EXPECT_EQ(bytes("/assertion/client_data_json", other), "site.passkey") << other;
  }
  EXPECT_TRUE(Proposal()["approvals"].empty());
  EXPECT_EQ(rule_of(text), "") << "as it was";
}

TEST_F(SiteTest, RefusesEveryMalformedShapeOfADraft) {
  const Json good = {{"action", "halt"}, {"proposal", ""}, {"principal", "ada@example.org"}, {"reason", "why"}};
  const auto with = [&](const char* member, const Json& value) {
    Json changed = good;
    changed[member] = value;
    return RuleOf(Post("/drafts", changed));
  };
  for (const auto& item : good.items()) {
    const std::string& member = item.key();
    Json without = good;
    without.erase(member);
    EXPECT_EQ(RuleOf(Post("/drafts", without)), "json.member-missing") << member;
    EXPECT_EQ(with(member.c_str(), 1), "json.member-type") << member;
    EXPECT_EQ(with(member.c_str(), std::string(1'001, 'a')), "json.member-range") << member;
  }
  EXPECT_EQ(with("action", "approve"), "json.member-range") << "nobody drafts what the gate drafts";
  EXPECT_EQ(with("further", 1), "json.member-unknown");
  EXPECT_EQ(RuleOf(Post("/drafts", good)), "");
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

}  // namespace
}  // namespace pawl::site
