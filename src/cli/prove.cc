// pawl prove: search for certificates or counterexamples of properties of networks, one or a list. Opens no home.
#include <cstdio>
#include <memory>
#include <optional>

#include "cli/command.h"
#include "cli/proof_words.h"
#include "cli/prove_answer.h"
#include "cli/prove_family.h"
#include "cli/prove_list.h"
#include "cli/prove_question.h"
#include "cli/prove_search.h"

namespace pawl::cli {
namespace {

ExitCode ProveOne(const Globals& globals, const ProveOptions& options) {
  Result<ProofQuestion> question = ReadProofQuestion(options);
  if (!question.ok()) return Fail(globals, question.error());
  const Result<SearchBeginning> beginning = ReadSearchBeginning(options, *question);
  if (!beginning.ok()) return Fail(globals, beginning.error());
  const Result<ProofFound> found = SearchProof(globals, options, *question, *beginning);
  if (!found.ok()) return Fail(globals, found.error());
  const prover::ProofResult& result = found->result;
  if (Result<void> written = WriteProofFiles(options, result); !written.ok()) return Fail(globals, written.error());
  if (globals.json)
    PrintJson(ProofAnswerJson(options, *question, *beginning, *found));
  else
    ShowProofAnswer(options, *question, *beginning, *found);
  return ExitOf(result);
}

// All properties of a charter.
ExitCode ProveCharter(const Globals& globals, const ProveOptions& options) {
  return ProveFamily(globals,
                     {.charter = options.charter,
                      .candidate = options.network,
                      .baseline = options.baseline,
                      .certificates = options.certificate,
                      .parents = options.parent,
                      .weight_radius = options.weight_radius,
                      .timeout_s = options.timeout_given ? std::optional<double>(options.timeout_s) : std::nullopt,
                      .threads = options.threads,
                      .memory_mib = options.memory_mib});
}

}  // namespace

void AddProve(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<ProveOptions>();
  CLI::App* command = app.add_subcommand("prove", "search for a certificate or a counterexample of a property");
  command
      ->add_option("NETWORK", options->network,
                   "ONNX file; or a list of instances, or a folder with instances.csv; or a candidate")
      ->required();
  command->add_option("PROPERTY", options->property, "VNN-LIB file: what would be unsafe; none with a list");
  command->add_option("--certificate", options->certificate, "where to write the certificate of a proof");
  command->add_option("--counterexample", options->counterexample, "where to write a counterexample");
  command->add_option(
      "--vnncomp", options->vnncomp,
      "where to write the answer as VNN-COMP has it: unsat, sat with a counterexample, timeout, unknown");
  command->add_option("--checkpoint", options->checkpoint,
                      "where to leave what an unfinished search has found: after a limit, Ctrl-C or SIGTERM");
  command->add_option("--resume", options->resume, "a checkpoint of the same network, property and arithmetic");
  CLI::Option* resume = command->get_option("--resume");
  command
      ->add_option("--parent", options->parent,
                   "a certificate of the same property for the network that this one was changed from: what still "
                   "holds of it is kept")
      ->excludes(resume);
  command->add_option("--arithmetic", options->arithmetic, "real, float32 or float64 (default: the network's own)")
      ->check(CLI::IsMember({"real", "float32", "float64"}));
  command->add_option("--weight-radius", options->weight_radius,
                      "prove it of all networks whose weights are within this radius: a number, a percentage of each "
                      "tensor's largest weight, or auto for the largest that is found in the time limit");
  CLI::Option* against = command->add_option(
      "--against", options->against,
      "prove drift instead: on the property's boxes every output is within EPS of this network's; what the property "
      "says of outputs is not used");
  CLI::Option* within = command->add_option("--within", options->within, "how far: a decimal above 0 for all outputs")
                            ->option_text("EPS")
                            ->needs(against);
  against->option_text("BASELINE")->needs(within);
  for (const char* other : {"--weight-radius", "--checkpoint", "--resume", "--parent", "--vnncomp"})
    against->excludes(command->get_option(other));
  CLI::Option* charter = command->add_option(
      "--charter", options->charter,
      "prove all properties of this charter's networks, of the candidate in folder NETWORK; --certificate and --parent "
      "are then folders, with a file NAME.cert for each property");
  charter->option_text("DIR");
  command
      ->add_option("--baseline", options->baseline,
                   "the first release's folder, where the charter wants drift from it proven (NAME.drift.cert)")
      ->option_text("DIR")
      ->needs(charter);
  for (const char* other : {"PROPERTY", "--counterexample", "--vnncomp", "--checkpoint", "--resume", "--arithmetic",
                            "--against", "--within"})
    charter->excludes(command->get_option(other));
  CLI::Option* workers = command->add_option(
      "--workers", options->workers,
      "share the proof out to workers (pawl work) by the queue in this database; what they answer is checked");
  CLI::Option* worker_keys =
      command
          ->add_option("--worker-keys", options->worker_keys,
                       "file of the workers' verifier keys, one a line: answers of others are thrown away")
          ->needs(workers);
  workers->option_text("URL")->needs(worker_keys);
  for (const char* other : {"--parent", "--against", "--charter"}) workers->excludes(command->get_option(other));
  command
      ->add_option("--part-seconds", options->part_s,
                   "that a worker spends on one part; what is open then is shared out again")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 60.0))
      ->needs(workers);
  command->add_option("--alone-seconds", options->alone_s, "of searching here before anything is shared out")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 86'400.0))
      ->needs(workers);
  command->add_option("--parts", options->parts_min, "into which what is open then is divided at least")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000))
      ->needs(workers);
  CLI::Option* timeout =
      command->add_option("--timeout", options->timeout_s, "seconds; 0: none; of a list and a charter: for each")
          ->capture_default_str()
          ->check(CLI::Range(0.0, 31'536'000.0));
  command->add_option("--threads", options->threads, "that search")->capture_default_str()->check(CLI::Range(1, 1024));
  command->add_option("--memory-mib", options->memory_mib, "for search tree and certificate")
      ->capture_default_str()
      ->check(CLI::Range(16, 1 << 20));
  command->footer(
      "A list has lines \"network,property,seconds\"; --timeout overrides its seconds, --json prints a line for each.\n"
      "A charter's properties have their own time limits, which --timeout overrides; --json prints one object.\n"
      "Exit status 0: proven; 1: violated; 3: a file is malformed; 4: neither was found. Of several: the worst.\n"
      "examples:\n  pawl prove policy.onnx clear-above.vnnlib --certificate clear-above.cert\n"
      "  pawl prove retrained.onnx clear-above.vnnlib --parent clear-above.cert --certificate retrained.cert\n"
      "  pawl prove policy.onnx clear-above.vnnlib --weight-radius 0.1% --certificate clear-above.cert\n"
      "  pawl prove policy.onnx clear-above.vnnlib --weight-radius auto --timeout 30 --certificate clear-above.cert\n"
      "  pawl prove retrained.onnx clear-above.vnnlib --against policy.onnx --within 0.05 --certificate drift.cert\n"
      "  pawl prove --charter charter candidate --parent live-certificates --certificate certificates\n"
      "  pawl prove --charter charter candidate --baseline first --weight-radius auto --timeout 5\n"
      "  pawl prove policy.onnx hard.vnnlib --timeout 60 --checkpoint hard.open\n"
      "  pawl prove policy.onnx hard.vnnlib --timeout 0 --resume hard.open --checkpoint hard.open\n"
      "  pawl prove policy.onnx hard.vnnlib --workers 'postgresql://pawl_gate@db.example.org/pawl?sslmode=verify-full' "
      "\\\n"
      "    --worker-keys workers.txt --certificate hard.cert\n"
      "  pawl prove benchmarks/acasxu --arithmetic real --timeout 10");
  command->callback([options, timeout, &globals] {
    options->timeout_given = timeout->count() > 0;
    globals.exit = !options->charter.empty()   ? ProveCharter(globals, *options)
                   : options->property.empty() ? ProveList(globals, *options)
                                               : ProveOne(globals, *options);
  });
}

}  // namespace pawl::cli
