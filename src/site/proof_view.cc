#include "site/proof_view.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "authoring/property_words.h"
#include "checker/certificate.h"
#include "checker/drift.h"
#include "checker/envelope.h"
#include "encoding/number.h"
#include "encoding/time.h"
#include "model/network.h"
#include "model/property.h"
#include "sandbox/sandbox.h"
#include "storage/named_file.h"
#include "warrant/property_check.h"

namespace pawl::site {
namespace {

using audit::ProposalHistory;
using encoding::Json;

std::string Plain(std::string_view text) { return sandbox::DisplayableOnOneLine(text); }

Json NumberOrNull(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

// A word of a command line, as a shell takes it.
std::string Quoted(const std::string& word) {
  constexpr std::string_view kSafe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+=:@%,";
  if (!word.empty() && word.find_first_not_of(kSafe) == word.npos) return word;
  std::string quoted = "'";
  for (const char each : word) quoted += each == '\'' ? std::string("'\\''") : std::string(1, each);
  return quoted + "'";
}

// ---- what one answer is made from

struct Wanted {
  std::string property, network_path, spec_path;
  std::string arithmetic;  // "float32" or "real"
  std::optional<crypto::Digest> network = {}, spec = {};
  std::optional<crypto::Digest> baseline = {};  // of drift
  std::string within = {};                      // of drift
  bool is_drift = false;
  const warrant::CertificateReference* named = nullptr;
};

struct Counterexample {
  std::string property;
  crypto::Digest network, spec;
  bool has_spec = false;  // documents of older versions do not name it
  bool violates_float = false, violates_real = false;
  std::vector<double> inputs, outputs, baseline_outputs;
  bool is_drift = false;
  std::string within;
};

std::vector<double> Numbers(encoding::JsonObject& object, const char* name) {
  std::vector<double> numbers;
  for (const std::string& text : object.Strings(name, 100'000)) {
    const Result<double> number = encoding::ParseNumber(text);
    if (!number.ok() && text != "not finite") object.Fail("json.member-range", name, "is no list of numbers");
    numbers.push_back(number.ok() ? *number : std::nan(""));
  }
  return numbers;
}

crypto::Digest DigestOf(encoding::JsonObject& object, const char* name) {
  const Result<crypto::Digest> digest = crypto::Digest::Parse(object.DigestText(name));
  return digest.ok() ? *digest : crypto::Digest{};
}

// As src/gate/properties_step.cc writes it (spec/statements.md).
Result<Counterexample> ReadCounterexample(std::string_view bytes) {
  Result<Json> json = encoding::ParseJson(bytes);
  if (!json.ok()) return json.error();
  encoding::JsonObject object(*json, "counterexample");
  Counterexample read;
  read.property = object.String("property", 256);
  read.network = DigestOf(object, "network");
  read.has_spec = object.Has("spec");
  if (read.has_spec) read.spec = DigestOf(object, "spec");
  read.violates_float = object.Boolean("violates_float");
  read.violates_real = object.Boolean("violates_real");
  read.inputs = Numbers(object, "inputs");
  read.outputs = Numbers(object, "outputs");
  object.String("words", kCounterexampleBytesMax);  // the finding's summary has them
  read.is_drift = object.Has("baseline");
  if (read.is_drift) {
    object.DigestText("baseline");
    read.baseline_outputs = Numbers(object, "baseline_outputs");
    read.within = object.String("within", 256);
  }
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  return read;
}

Result<model::Property> PropertyOf(const ledger::SubjectLog& log, const crypto::Digest& spec) {
  Result<std::string> text = log.store().ReadBlob(spec, kProofPropertyBytesMax);
  if (!text.ok()) return text.error();
  return model::ReadVnnlib(*text, {});
}

// ---- certificates

// How one prover's checker found a certificate, as its vote says.
Json ChecksOf(const ProposalHistory& proposal, const crypto::Digest& certificate) {
  Json checks = Json::array();
  for (const audit::LoggedVote& logged : proposal.votes) {
    if (logged.vote.role != "prover") continue;
    const Json evidence = logged.Evidence();
    if (!evidence.is_object() || !evidence.contains("checked") || !evidence["checked"].is_array()) continue;
    const Json& checked = evidence["checked"];
    const auto at = std::find(checked.begin(), checked.end(), Json(certificate.Text()));
    if (at == checked.end()) continue;
    const size_t nth = static_cast<size_t>(at - checked.begin());
    Json result = Json::object();
    if (evidence.contains("results") && evidence["results"].is_array() && nth < evidence["results"].size() &&
        evidence["results"][nth].is_object()) {
      result = evidence["results"][nth];
    }
    const auto number = [&](const char* name) {
      return result.contains(name) && result[name].is_number_integer() ? result[name] : Json(nullptr);
    };
    checks.push_back(
        {{"reviewer", logged.vote.reviewer},
         {"holds", result.contains("holds") && result["holds"].is_boolean() ? result["holds"] : Json(nullptr)},
         {"leaves", number("leaves")},
         {"ms", number("ms")},
         {"time", encoding::TimeText(logged.vote.time)},
         {"entry", logged.index}});
  }
  return checks;
}

struct TreeShape {
  uint64_t leaves = 0, input_splits = 0, neuron_splits = 0;
  size_t depth = 0;
};

TreeShape ShapeOf(const checker::Certificate& certificate) {
  TreeShape shape;
  for (const checker::CaseProof& one : certificate.cases) {
    for (const checker::GroupProof& group : one.groups) {
      std::vector<char> low_is_done;  // one a split on the way from the root; in pre-order a leaf ends the low children
      for (const checker::Node& node : group.nodes) {
        if (!checker::IsLeaf(node.kind)) {
          ++(node.kind == checker::NodeKind::kNeuronSplit ? shape.neuron_splits : shape.input_splits);
          low_is_done.push_back(0);
          continue;
        }
        ++shape.leaves;
        shape.depth = std::max(shape.depth, low_is_done.size());
        while (!low_is_done.empty() && low_is_done.back() != 0) low_is_done.pop_back();
        if (!low_is_done.empty()) low_is_done.back() = 1;
      }
    }
  }
  return shape;
}

// How far out of an envelope's centre the candidate is, as a share of the radius; null where a network is too large to
// be measured here, or it is not in the envelope.
Json FurthestOf(const ledger::SubjectLog& log, const crypto::Digest& centre, const crypto::Digest& network,
                const std::vector<checker::TensorRadius>& radii) {
  const Result<std::string> centre_bytes = log.store().ReadBlob(centre, kProofNetworkBytesMax);
  const Result<std::string> bytes = log.store().ReadBlob(network, kProofNetworkBytesMax);
  if (!centre_bytes.ok() || !bytes.ok()) return nullptr;
  const auto read = model::ReadOnnx(storage::AsBytes(*centre_bytes), {.bytes_max = kProofNetworkBytesMax});
  if (!read.ok()) return nullptr;
  const auto distances =
      checker::MeasureDistances(*read, storage::AsBytes(*centre_bytes), storage::AsBytes(*bytes), radii);
  return distances.ok() && !distances->empty() ? Json(std::ranges::max(*distances)) : Json(nullptr);
}

// What repeats the check on this machine, from the very files.
std::string CommandOf(const ledger::SubjectLog& log, const Wanted& wanted, const crypto::Digest& certificate,
                      const std::optional<crypto::Digest>& centre) {
  const auto file = [&](const crypto::Digest& digest) { return " " + Quoted(log.store().BlobPath(digest)); };
  std::string command = "pawl-check certificate" + file(*wanted.network) + file(*wanted.spec) + file(certificate);
  if (centre) command += " --centre" + file(*centre);
  if (wanted.baseline) command += " --against" + file(*wanted.baseline) + " --within " + wanted.within;
  if (wanted.arithmetic != "float32") command += " --arithmetic " + wanted.arithmetic;
  return command;
}

Json CertificateView(const ledger::SubjectLog& log, const ProposalHistory& proposal, const Wanted& wanted,
                     uint64_t& bytes_left) {
  const crypto::Digest digest = wanted.named->certificate;
  Json view = {{"digest", digest.Text()},
               {"why_not", ""},
               {"bytes", nullptr},
               {"arithmetic", nullptr},
               {"leaves", nullptr},
               {"input_splits", nullptr},
               {"neuron_splits", nullptr},
               {"depth", nullptr},
               {"envelope", nullptr},
               {"within", Json::array()},
               {"checks", ChecksOf(proposal, digest)},
               {"command", nullptr}};
  const auto why_not = [&](const std::string& words) {
    view["why_not"] = Plain(words);
    return view;
  };
  const Result<std::string> bytes = log.store().ReadBlob(digest, std::min<uint64_t>(bytes_left, kProofBytesMax));
  if (!bytes.ok()) {
    return why_not(bytes.error().code == ErrorCode::kLimit ? "it is too large to be read for this page"
                                                           : bytes.error().message);
  }
  bytes_left -= bytes->size();
  view["bytes"] = bytes->size();
  const auto certificate =
      checker::ReadCertificate(storage::AsBytes(*bytes), {.bytes_max = kProofBytesMax, .nodes_max = kProofNodesMax});
  if (!certificate.ok()) return why_not(certificate.error().message);
  const TreeShape shape = ShapeOf(*certificate);
  view["arithmetic"] = authoring::ArithmeticName(certificate->arithmetic);
  view["leaves"] = shape.leaves;
  view["input_splits"] = shape.input_splits;
  view["neuron_splits"] = shape.neuron_splits;
  view["depth"] = shape.depth;
  if (!wanted.network || !wanted.spec) return view;
  const crypto::Digest made_for{certificate->network};
  const bool has_centre = !wanted.baseline && made_for != *wanted.network;
  if (!certificate->radii.empty()) {
    const auto [smallest, largest] = std::ranges::minmax(certificate->radii, {}, &checker::TensorRadius::radius);
    view["envelope"] = {
        {"tensors", certificate->radii.size()},
        {"smallest", smallest.radius},
        {"largest", largest.radius},
        {"centre", made_for.Text()},
        {"is_centre", !has_centre},
        {"furthest", has_centre ? FurthestOf(log, made_for, *wanted.network, certificate->radii) : Json(0)}};
  }
  if (certificate->drift) {
    const Result<model::Property> property = PropertyOf(log, *wanted.spec);
    for (size_t i = 0; property.ok() && i < std::min(certificate->drift->within.size(), kVariablesMax); ++i) {
      view["within"].push_back({{"output", Plain(authoring::VariableName(*property, property->input_count + i))},
                                {"bound", certificate->drift->within[i].ToString()}});
    }
  }
  view["command"] = CommandOf(log, wanted, digest, has_centre ? std::optional(made_for) : std::nullopt);
  return view;
}

// ---- counterexamples

// A value, or a limit, in the unit that the property file gives: factor·value + offset.
struct Scale {
  double factor = 1, offset = 0;
  bool is_turned() const { return factor < 0; }
  Json operator()(double value) const { return NumberOrNull(factor * value + offset); }
};

const model::VariableNote& NoteOf(const model::Property& property, size_t variable) {
  static const model::VariableNote kNone;
  return variable < property.variables.size() ? property.variables[variable] : kNone;
}

Scale ScaleOf(const model::Property& property, size_t variable) {
  const model::VariableNote& note = NoteOf(property, variable);
  return {note.factor ? note.factor->NearestFloat64() : 1,
          note.factor && note.offset ? note.offset->NearestFloat64() : 0};
}

std::string QuantityWords(const model::Property& property, size_t variable, double value) {
  if (!std::isfinite(value)) return "not a finite number";
  return Plain(authoring::Quantity(property, variable, model::Decimal::FromDouble(value)));
}

Json InputView(const model::Property& property, const model::Case& one, size_t input, double value) {
  const Scale scale = ScaleOf(property, input);
  const model::InputRange& range = one.box[input];
  model::Decimal lower = range.lower, upper = range.upper;
  if (scale.is_turned()) std::swap(lower, upper);
  return {{"symbol", "X_" + std::to_string(input)},
          {"name", Plain(authoring::VariableName(property, input))},
          {"unit", Plain(NoteOf(property, input).unit)},
          {"value", scale(value)},
          {"words", QuantityWords(property, input, value)},
          {"lower", scale(lower.NearestFloat64())},
          {"upper", scale(upper.NearestFloat64())},
          {"lower_words", Plain(authoring::Quantity(property, input, lower))},
          {"upper_words", Plain(authoring::Quantity(property, input, upper))}};
}

// Where an output is unsafe, in the network's own numbers: from the rows that speak of it alone.
struct UnsafeRange {
  double from = -INFINITY, to = INFINITY;
  bool is_involved = false;
};

UnsafeRange UnsafeOf(const model::Conjunction& conjunction, size_t variable) {
  UnsafeRange range;
  for (const model::Row& row : conjunction) {
    for (const model::Term& term : row.terms) {
      if (term.variable != variable) continue;
      range.is_involved = true;
      if (row.terms.size() > 1) continue;
      const double bound = row.bound.NearestFloat64() / term.coefficient.NearestFloat64();
      if (term.coefficient.Sign() > 0) {
        range.to = std::min(range.to, bound);
      } else {
        range.from = std::max(range.from, bound);
      }
    }
  }
  return range;
}

Json OutputView(const model::Property& property, const model::Conjunction& broken, const Counterexample& found,
                size_t output) {
  const size_t variable = property.input_count + output;
  const Scale scale = ScaleOf(property, variable);
  const double value = found.outputs[output];
  UnsafeRange unsafe = UnsafeOf(broken, variable);
  if (!std::isfinite(value)) unsafe.is_involved = true;
  const bool has_baseline = output < found.baseline_outputs.size();
  if (has_baseline) {  // the rows are about the difference
    unsafe.from += found.baseline_outputs[output];
    unsafe.to += found.baseline_outputs[output];
  }
  if (scale.is_turned()) std::swap(unsafe.from, unsafe.to);
  return {{"symbol", "Y_" + std::to_string(output)},
          {"name", Plain(authoring::VariableName(property, variable))},
          {"unit", Plain(NoteOf(property, variable).unit)},
          {"value", scale(value)},
          {"words", QuantityWords(property, variable, value)},
          {"baseline", has_baseline ? scale(found.baseline_outputs[output]) : Json(nullptr)},
          {"baseline_words",
           has_baseline ? Json(QuantityWords(property, variable, found.baseline_outputs[output])) : Json(nullptr)},
          {"involved", unsafe.is_involved},
          {"unsafe_from", unsafe.is_involved ? scale(unsafe.from) : Json(nullptr)},
          {"unsafe_to", unsafe.is_involved ? scale(unsafe.to) : Json(nullptr)}};
}

// Which of the property's rows hold at the counterexample, as the outputs that were computed have them. Of drift they
// are about the difference of the two networks' outputs.
struct Broken {
  size_t case_index = 0;
  model::Conjunction conjunction;
  std::vector<std::string> words;
};

Broken BrokenBy(const model::Property& stated, const Counterexample& found) {
  Broken broken;
  model::Property apart;
  std::vector<double> outputs = found.outputs;
  if (found.is_drift) {
    const Result<model::Decimal> within = model::Decimal::Parse(found.within, 120);
    if (!within.ok()) return broken;
    const auto drift = checker::DriftProperty(stated, std::vector<model::Decimal>(stated.output_count, *within));
    if (!drift.ok()) return broken;
    apart = *drift;
    for (size_t i = 0; i < outputs.size(); ++i) outputs[i] -= found.baseline_outputs[i];
  }
  const model::Property& property = found.is_drift ? apart : stated;
  const auto violation = model::FindViolation(property, found.inputs, outputs);
  if (!violation) {
    for (size_t i = 0; i < property.cases.size(); ++i) {
      if (!model::InBox(property.cases[i].box, found.inputs)) continue;
      broken.case_index = i;
      break;
    }
    return broken;
  }
  broken.case_index = violation->case_index;
  broken.conjunction = property.cases[violation->case_index].unsafe[violation->conjunction_index];
  for (const model::Row& row : broken.conjunction) {
    if (broken.words.size() == kVariablesMax) break;
    if (!found.is_drift) {
      broken.words.push_back(Plain(authoring::RowWords(stated, row)));
      continue;
    }
    const size_t variable = row.terms.front().variable;
    broken.words.push_back(Plain(authoring::VariableName(stated, variable)) + " is more than " + Plain(found.within) +
                           (row.terms.front().coefficient.Sign() < 0 ? " above" : " below") +
                           " the baseline's (in the network's own scale)");
  }
  return broken;
}

Json CounterexampleView(const ledger::SubjectLog& log, const crypto::Digest& digest, const Counterexample& found,
                        const std::optional<crypto::Digest>& spec) {
  Json view = {{"digest", digest.Text()},
               {"why_not", ""},
               {"violates_float", found.violates_float},
               {"violates_real", found.violates_real},
               {"broken", Json::array()},
               {"inputs", Json::array()},
               {"inputs_left_out", 0},
               {"outputs", Json::array()},
               {"outputs_left_out", 0},
               {"within", found.is_drift ? Json(Plain(found.within)) : Json(nullptr)}};
  const auto why_not = [&](const std::string& words) {
    view["why_not"] = Plain(words);
    return view;
  };
  if (!spec) return why_not("the charter has no such property any more; the step's sentence has the numbers");
  const Result<model::Property> property = PropertyOf(log, *spec);
  if (!property.ok()) return why_not(property.error().message);
  const bool fits = property->input_count == found.inputs.size() && property->output_count == found.outputs.size() &&
                    (!found.is_drift || found.baseline_outputs.size() == found.outputs.size()) &&
                    std::ranges::all_of(found.inputs, [](double input) { return std::isfinite(input); });
  if (!fits || property->cases.empty()) return why_not("it is about a network of another shape than the property is");
  const Broken broken = BrokenBy(*property, found);
  view["broken"] = broken.words;
  const size_t inputs = std::min(found.inputs.size(), kVariablesMax);
  const size_t outputs = std::min(found.outputs.size(), kVariablesMax);
  for (size_t i = 0; i < inputs; ++i) {
    view["inputs"].push_back(InputView(*property, property->cases[broken.case_index], i, found.inputs[i]));
  }
  for (size_t i = 0; i < outputs; ++i) {
    view["outputs"].push_back(OutputView(*property, broken.conjunction, found, i));
  }
  view["inputs_left_out"] = found.inputs.size() - inputs;
  view["outputs_left_out"] = found.outputs.size() - outputs;
  return view;
}

// ---- rows

Wanted WantedOf(const charter::Property& property, const charter::CharterFiles& files) {
  const subject::FileEntry* spec = files.manifest.Find(property.spec);
  Wanted wanted{.property = property.name,
                .network_path = property.network,
                .spec_path = property.spec,
                .arithmetic = property.arithmetic == charter::Arithmetic::kFloat32 ? "float32" : "real"};
  if (spec != nullptr) wanted.spec = spec->digest;
  return wanted;
}

// What the commit names a certificate for; before it, what the charter asks for.
Result<std::vector<Wanted>> WantedBy(const ledger::SubjectLog& log, const ProposalHistory& proposal,
                                     const charter::CharterFiles& files) {
  std::vector<Wanted> wanted;
  if (!proposal.candidate) {
    for (const charter::Property& property : files.charter.properties) wanted.push_back(WantedOf(property, files));
    return wanted;
  }
  Result<subject::Manifest> tree = log.store().ReadManifest(proposal.candidate->tree);
  if (!tree.ok()) return tree.error();
  Result<std::vector<warrant::RequiredProof>> required = warrant::RequiredProofs(files.charter, *tree, log.store());
  if (!required.ok()) return required.error();
  const std::vector<warrant::CertificateReference>& named = proposal.candidate->certificates;
  for (size_t i = 0; i < required->size(); ++i) {
    const warrant::RequiredProof& proof = (*required)[i];
    Wanted one = WantedOf(*proof.property, files);
    one.network = proof.network;
    one.baseline = proof.baseline;
    one.is_drift = proof.baseline.has_value();
    if (one.is_drift) one.within = proof.within.ToString();
    if (i < named.size() && named[i].property == one.property) one.named = &named[i];
    wanted.push_back(std::move(one));
  }
  return wanted;
}

Json RowOf(const ledger::SubjectLog& log, const Wanted& wanted) {
  Json words = Json::array();
  if (wanted.spec) {
    const Result<model::Property> property = PropertyOf(log, *wanted.spec);
    if (property.ok()) {
      for (const std::string& line : authoring::PropertyWords(*property)) words.push_back(sandbox::Displayable(line));
    }
  }
  return {{"property", Plain(wanted.property)},
          {"kind", wanted.is_drift ? "drift" : "property"},
          {"network", Plain(wanted.network_path)},
          {"spec", Plain(wanted.spec_path)},
          {"arithmetic", wanted.arithmetic},
          {"within", wanted.is_drift ? Json(Plain(wanted.within)) : Json(nullptr)},
          {"words", words},
          {"certificate", nullptr},
          {"counterexample", nullptr}};
}

}  // namespace

Result<Json> ProofsView(const ledger::SubjectLog& log, const ProposalHistory& proposal) {
  Json rows = Json::array();
  if (proposal.proposal.action == warrant::Action::kAmendment) return Json{{"proofs", rows}, {"left_out", 0}};
  std::optional<charter::CharterFiles> committed;
  if (proposal.candidate) {  // under the charter of its time
    Result<charter::CharterFiles> read = charter::ReadCharterFiles(log.store(), proposal.candidate->charter);
    if (!read.ok()) return read.error();
    committed = std::move(*read);
  }
  const charter::CharterFiles& files = committed ? *committed : log.charter();
  Result<std::vector<Wanted>> wanted = WantedBy(log, proposal, files);
  if (!wanted.ok()) return wanted.error();

  std::optional<Counterexample> found;
  crypto::Digest found_digest;
  const audit::Finding* finding = proposal.FindingOf(audit::Step::kProperties);
  if (finding != nullptr && finding->evidence.contains("counterexample")) {
    found_digest = finding->evidence.at("counterexample");
    Result<std::string> bytes = log.store().ReadBlob(found_digest, kCounterexampleBytesMax);
    if (!bytes.ok()) return bytes.error();
    Result<Counterexample> read = ReadCounterexample(*bytes);
    if (!read.ok()) return read.error();
    found = std::move(*read);
    // Of what the charter in force does not ask for any more, or of drift.
    const auto is_about = [&](const Wanted& one) {
      return one.property == found->property && one.is_drift == found->is_drift;
    };
    if (std::ranges::none_of(*wanted, is_about)) {
      const charter::Property* property = nullptr;
      for (const charter::Property& one : files.charter.properties) {
        if (one.name == found->property) property = &one;
      }
      Wanted one;
      one.property = found->property;
      if (property != nullptr) one = WantedOf(*property, files);
      one.is_drift = found->is_drift;
      one.within = found->within;
      wanted->push_back(std::move(one));
    }
    // What is broken is what everybody looks for.
    std::stable_partition(wanted->begin(), wanted->end(), is_about);
    if (found->has_spec) wanted->front().spec = found->spec;
  }

  uint64_t bytes_left = kProofBytesMax;
  for (size_t i = 0; i < std::min(wanted->size(), kProofsMax); ++i) {
    const Wanted& one = (*wanted)[i];
    Json row = RowOf(log, one);
    if (one.named != nullptr) row["certificate"] = CertificateView(log, proposal, one, bytes_left);
    if (found && i == 0) row["counterexample"] = CounterexampleView(log, found_digest, *found, one.spec);
    rows.push_back(std::move(row));
  }
  return Json{{"proofs", rows}, {"left_out", wanted->size() - rows.size()}};
}

}  // namespace pawl::site
