// pawl export oms|bundle: the live release in the formats of others, signed with a key that a person names.
#include <ctime>

#include "cli/command.h"
#include "cli/live_release.h"
#include "ledger/exported_statements.h"
#include "signing/sigstore_bundle.h"
#include "storage/named_file.h"

namespace pawl::cli {
namespace {

struct ExportOptions {
  std::string out;
  std::string key;
};

enum class ExportFormat { kModelSignature, kVerificationSummary };

std::string StatementOf(const LiveRelease& live, ExportFormat format) {
  switch (format) {
    case ExportFormat::kModelSignature:
      return ledger::ModelSignatureStatement(live.state.subject, live.manifest);
    case ExportFormat::kVerificationSummary:
      return ledger::VerificationSummaryStatement({.subject = live.state.subject,
                                                   .resource = live.state.resource,
                                                   .tree = *live.state.tree,
                                                   .charter = live.state.charter,
                                                   .warrant = live.state.releases.back().warrant,
                                                   .time_s = std::time(nullptr)});
  }
  return {};
}

ExitCode ExportRelease(const Globals& globals, const ExportOptions& options, ExportFormat format) {
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  Result<signing::P256PrivateKey> key = signing::P256PrivateKey::ReadFile(options.key);
  if (!key.ok()) {
    Error error = key.error();
    error.advice =
        "a P-256 key in PKCS#8, mode 0600: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 "
        "-out FILE";
    return Fail(globals, error);
  }
  // Nothing is exported that could not be started.
  Result<LiveRelease> live = VerifyLiveRelease(*place);
  if (!live.ok()) return Fail(globals, live.error());
  const std::string bundle = signing::SignAsBundle(StatementOf(*live, format), *key);
  if (Result<void> written = storage::WriteNamedFile(options.out, bundle + "\n"); !written.ok()) {
    return Fail(globals, written.error());
  }
  const std::string pem = signing::PublicKeyPem(key->public_key());
  if (globals.json) {
    PrintJson({{"file", options.out},
               {"tree", live->state.tree->Text()},
               {"epoch", live->state.releases.back().epoch},
               {"hint", crypto::Sha256(pem).Hex()},
               {"public_key", pem}});
  } else {
    std::printf("%s: epoch %lld, tree %s, verified and signed\nwhoever verifies it needs this key:\n%s",
                Shown(options.out).c_str(), static_cast<long long>(live->state.releases.back().epoch),
                live->state.tree->Text().c_str(), pem.c_str());
  }
  return ExitCode::kYes;
}

void AddFormat(CLI::App* parent, Globals& globals, ExportFormat format, const char* name, const char* what,
               const char* footer) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = parent->add_subcommand(name, what);
  command->add_option("OUT", options->out, "the file to write; one that is there is replaced")->required();
  command->add_option("--key", options->key, "P-256 private key (PKCS#8 PEM) to sign with")->required();
  command->footer(footer);
  command->callback([options, format, &globals] { globals.exit = ExportRelease(globals, *options, format); });
}

}  // namespace

void AddExport(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("export", "the live release, checked again, in formats of other verifiers");
  command->require_subcommand(1);
  command->footer(
      "Both are Sigstore bundles (version 0.3) of an in-toto statement. They say what this key says: the proof that "
      "the\n"
      "change was allowed is the warrant, which pawl-check reads.");
  AddFormat(command, globals, ExportFormat::kModelSignature, "oms",
            "OpenSSF Model Signing: model.sig with every file's digest",
            "examples:\n  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out export.pem\n"
            "  pawl export oms model.sig --key export.pem");
  AddFormat(command, globals, ExportFormat::kVerificationSummary, "bundle",
            "SLSA verification summary: this tree passed this charter by this warrant",
            "example:\n  pawl export bundle release.sigstore.json --key export.pem");
}

}  // namespace pawl::cli
