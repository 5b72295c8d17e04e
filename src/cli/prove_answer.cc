#include "cli/prove_answer.h"

#include <cstdio>
#include <map>
#include <string>
#include <utility>

#include "authoring/property_words.h"
#include "cli/proof_words.h"
#include "storage/named_file.h"

namespace pawl::cli {
namespace {

void AddWorkers(const ProofFound& found, encoding::Json& json) {
  if (!found.shared) return;
  const work::AskReport& report = *found.shared;
  encoding::Json parts = encoding::Json::array(), shut_out = encoding::Json::object();
  for (const work::PartRecord& part : report.parts)
    parts.push_back({{"part", part.part},
                     {"from", part.from},
                     {"depth", part.depth},
                     {"seconds", part.seconds},
                     {"check_seconds", part.check_seconds},
                     {"leaves", part.leaves},
                     {"worker", part.worker}});
  for (const auto& [name, why] : report.shut_out) shut_out[name] = why;
  encoding::Json held = encoding::Json::object();
  for (const auto& [name, times] : report.held_too_long) held[name] = times;
  json["workers"] = {{"shared_out", report.shared},
                     {"alone_seconds", report.alone_seconds},
                     {"divide_seconds", report.divide_seconds},
                     {"shared_seconds", report.shared_seconds},
                     {"check_seconds", found.result.statistics.seconds_confirming},
                     {"parts", std::move(parts)},
                     {"shut_out", std::move(shut_out)},
                     {"held_too_long", std::move(held)},
                     {"unsigned_answers", report.unsigned_answers}};
}

void ShowWorkers(const ProofFound& found) {
  if (!found.shared) return;
  const work::AskReport& report = *found.shared;
  if (!report.shared) {
    std::puts("  found before anything was shared out");
    return;
  }
  std::map<std::string, size_t> answers;
  for (const work::PartRecord& part : report.parts) ++answers[part.worker];
  std::printf("  shared out for %.2f s: %zu answers of %zu workers, each checked\n", report.shared_seconds,
              report.parts.size(), answers.size());
  for (const auto& [name, why] : report.shut_out)
    std::printf("  '%s' is shut out: %s\n", Shown(name).c_str(), Shown(why).c_str());
  for (const auto& [name, times] : report.held_too_long) {
    std::printf("  '%s' has held %llu parts for too long, by the queue's word; others got them\n", Shown(name).c_str(),
                static_cast<unsigned long long>(times));
  }
  if (report.unsigned_answers > 0)
    std::printf("  %llu answers that no enrolled worker had signed were thrown away\n",
                static_cast<unsigned long long>(report.unsigned_answers));
}

void AddRadius(const ProofFound& found, encoding::Json& json) {
  if (found.radii.empty() && !found.widest) return;
  json["weight_radius"] = RadiiJson(found.radii, found.widest ? &*found.widest : nullptr);
}

void ShowRadius(const ProofFound& found) {
  const bool is_proven = found.result.status == prover::ProofStatus::kProven;
  if (found.widest && is_proven && found.widest->share > 0)
    std::printf("  of all networks whose weights are within %s of each tensor's largest\n",
                PercentText(found.widest->share).c_str());
  if (found.widest && is_proven && found.widest->share_open > 0)
    std::printf("  not proven at %s in the time there was\n", PercentText(found.widest->share_open).c_str());
  if (found.widest && is_proven && found.widest->share == 0) std::puts("  of this network alone: no radius was proven");
  if (!found.widest && !found.radii.empty() && is_proven)
    std::printf("  of all networks whose weights are within the radius, in %zu tensors\n", found.radii.size());
  if (!found.widest && !found.radii.empty() && found.result.status == prover::ProofStatus::kUnknown)
    std::puts("  not proven at this radius; of the network itself nothing is shown");
}

void ShowProofResult(const ProofQuestion& question, const prover::ProofResult& result, uint64_t memory_mib) {
  std::printf("%s (%s arithmetic, %.2f s, boxes %llu, leaves %llu)\n", std::string(StatusName(result.status)).c_str(),
              std::string(authoring::ArithmeticName(question.arithmetic)).c_str(), result.statistics.seconds,
              static_cast<unsigned long long>(result.statistics.boxes),
              static_cast<unsigned long long>(result.statistics.leaves));
  switch (result.status) {
    case prover::ProofStatus::kProven:
      if (question.baseline)
        std::printf("  on the property's boxes no output is further than %s from the baseline's\n",
                    question.within.ToString().c_str());
      return;
    case prover::ProofStatus::kUnknown:
      std::printf("  %s: %s\n", std::string(ReasonName(result.reason)).c_str(), Shown(result.detail).c_str());
      if (result.reason == prover::UnknownReason::kMemory)
        std::printf("  the limit was %llu MiB; raise --memory-mib\n", static_cast<unsigned long long>(memory_mib));
      return;
    case prover::ProofStatus::kViolated:
      break;
  }
  for (const std::string& line : authoring::CounterexampleTable(question.property, result.counterexample)) {
    std::printf("  %s\n", line.c_str());
  }
  std::printf("  %s: in the network's own arithmetic %s, in real numbers %s\n",
              question.baseline ? "too far apart" : "unsafe",
              result.counterexample.violates_float ? "yes" : "not shown",
              result.counterexample.violates_real ? "yes" : "not shown");
}

// What the competition's scripts read: the answer, and after "sat" the counterexample.
std::string VnncompText(const prover::ProofResult& result) {
  switch (result.status) {
    case prover::ProofStatus::kProven:
      return "unsat\n";
    case prover::ProofStatus::kViolated:
      return "sat\n" + authoring::CounterexampleText(result.counterexample);
    case prover::ProofStatus::kUnknown:
      break;
  }
  return result.reason == prover::UnknownReason::kTimeout ? "timeout\n" : "unknown\n";
}

// What became of the parent's certificate.
encoding::Json ParentJson(const SearchBeginning& beginning, const prover::ProofStatistics& statistics) {
  if (beginning.parent_unfit.has_value()) {
    return {{"used", false}, {"rule", beginning.parent_unfit->rule}, {"detail", beginning.parent_unfit->message}};
  }
  return {
      {"used", true}, {"leaves", statistics.parent_leaves}, {"kept", statistics.kept}, {"merged", statistics.merged}};
}

void ShowParent(const SearchBeginning& beginning, const prover::ProofStatistics& statistics) {
  if (beginning.parent_unfit.has_value()) {
    std::printf("  searched from scratch: %s\n", Shown(beginning.parent_unfit->message).c_str());
    return;
  }
  std::printf("  of the parent's %llu leaves %llu hold, %llu of them for two\n",
              static_cast<unsigned long long>(statistics.parent_leaves),
              static_cast<unsigned long long>(statistics.kept), static_cast<unsigned long long>(statistics.merged));
}

}  // namespace

encoding::Json ProofResultJson(const ProofQuestion& question, const prover::ProofResult& result) {
  encoding::Json json = {
      {"status", StatusName(result.status)},       {"arithmetic", authoring::ArithmeticName(question.arithmetic)},
      {"network", question.network_digest.Text()}, {"property", question.property_digest.Text()},
      {"boxes", result.statistics.boxes},          {"leaves", result.statistics.leaves},
      {"seconds", result.statistics.seconds}};
  if (question.baseline) {
    json["baseline"] = question.baseline_digest.Text();
    json["within"] = question.within.ToString();
  }
  if (result.status == prover::ProofStatus::kUnknown) {
    json["reason"] = ReasonName(result.reason);
    json["detail"] = result.detail;
  }
  if (result.status == prover::ProofStatus::kProven) json["certificate_bytes"] = result.certificate.size();
  if (result.status == prover::ProofStatus::kViolated) {
    json["inputs"] = result.counterexample.inputs;
    json["outputs"] = result.counterexample.outputs;  // null where not finite
    if (question.baseline) json["baseline_outputs"] = result.counterexample.baseline_outputs;
    json["violates_float"] = result.counterexample.violates_float;
    json["violates_real"] = result.counterexample.violates_real;
    json["table"] = authoring::CounterexampleTable(question.property, result.counterexample);
  }
  return json;
}

encoding::Json ProofAnswerJson(const ProveOptions& options, const ProofQuestion& question,
                               const SearchBeginning& beginning, const ProofFound& found) {
  encoding::Json json = ProofResultJson(question, found.result);
  if (!options.parent.empty()) json["parent"] = ParentJson(beginning, found.result.statistics);
  AddRadius(found, json);
  AddWorkers(found, json);
  return json;
}

void ShowProofAnswer(const ProveOptions& options, const ProofQuestion& question, const SearchBeginning& beginning,
                     const ProofFound& found) {
  ShowProofResult(question, found.result, options.memory_mib);
  if (!options.parent.empty()) ShowParent(beginning, found.result.statistics);
  ShowRadius(found);
  ShowWorkers(found);
  if (!found.result.checkpoint.empty())
    std::printf("  what was found is kept: go on with --resume %s\n", Shown(options.checkpoint).c_str());
}

Result<void> WriteProofFiles(const ProveOptions& options, const prover::ProofResult& result) {
  if (!options.vnncomp.empty()) {
    if (Result<void> written = storage::WriteNamedFile(options.vnncomp, VnncompText(result)); !written.ok())
      return written;
  }
  if (!result.checkpoint.empty()) {
    const std::string_view bytes(reinterpret_cast<const char*>(result.checkpoint.data()), result.checkpoint.size());
    if (Result<void> written = storage::WriteNamedFile(options.checkpoint, bytes); !written.ok()) return written;
  }
  if (result.status == prover::ProofStatus::kProven && !options.certificate.empty()) {
    const std::string_view bytes(reinterpret_cast<const char*>(result.certificate.data()), result.certificate.size());
    if (Result<void> written = storage::WriteNamedFile(options.certificate, bytes); !written.ok()) return written;
  }
  if (result.status == prover::ProofStatus::kViolated && !options.counterexample.empty()) {
    return storage::WriteNamedFile(options.counterexample, authoring::CounterexampleText(result.counterexample));
  }
  return {};
}

}  // namespace pawl::cli
