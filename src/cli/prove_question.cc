#include "cli/prove_question.h"

#include <utility>

#include "storage/named_file.h"

namespace pawl::cli {
namespace {

// What the network is deployed in, unless something else is asked for; a proof in the other precision would be about
// another network.
Result<checker::Arithmetic> ChooseArithmetic(const ProveOptions& options, const model::Network& network) {
  const bool narrow = network.element_type() == model::ElementType::kFloat32;
  if (options.arithmetic.empty()) return narrow ? checker::Arithmetic::kFloat32 : checker::Arithmetic::kFloat64;
  if (options.arithmetic == "real") return checker::Arithmetic::kReal;
  if ((options.arithmetic == "float32") == narrow) {
    return narrow ? checker::Arithmetic::kFloat32 : checker::Arithmetic::kFloat64;
  }
  return Error{ErrorCode::kUsage, "prove.arithmetic",
               "the network is stored in " + std::string(model::ElementTypeName(network.element_type())) +
                   ", and a proof in " + options.arithmetic + " would not be about it",
               "leave --arithmetic out, or take real"};
}

Error Within(const std::string& file, Error error) {
  error.message = file + ": " + error.message;
  return error;
}

struct NetworkFile {
  model::Network network;
  crypto::Digest digest;
  std::string bytes;
};

Result<NetworkFile> ReadNetwork(const std::string& path) {
  const model::NetworkLimits limits;
  Result<std::string> bytes = storage::ReadNamedFile(path, limits.bytes_max);
  if (!bytes.ok()) return bytes.error();
  Result<model::Network> network =
      model::ReadOnnx({reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size()}, limits);
  if (!network.ok()) return Within(path, network.error());
  const crypto::Digest digest = crypto::Sha256(*bytes);
  return NetworkFile{std::move(*network), digest, std::move(*bytes)};
}

// What drift is asked about: the baseline and how far outputs may be from its.
Result<void> ReadDrift(const ProveOptions& options, ProofQuestion& question) {
  const model::PropertyLimits limits;
  Result<model::Decimal> within = model::Decimal::Parse(options.within, limits.digits_max);
  if (!within.ok() || within->Sign() <= 0)
    return Error{ErrorCode::kUsage, "prove.within", "--within is a decimal above 0", "for example 0.05"};
  question.within = std::move(*within);
  Result<NetworkFile> baseline = ReadNetwork(options.against);
  if (!baseline.ok()) return baseline.error();
  if (Result<void> fits = model::CheckFits(baseline->network, question.property); !fits.ok())
    return Within(options.against, fits.error());
  if (baseline->network.type != question.network.type && question.arithmetic != checker::Arithmetic::kReal)
    return Error{ErrorCode::kUsage, "prove.arithmetic", "network and baseline compute in different precisions",
                 "ask for --arithmetic real"};
  question.baseline = std::move(baseline->network);
  question.baseline_digest = baseline->digest;
  return {};
}

}  // namespace

Result<ProofQuestion> ReadProofQuestion(const ProveOptions& options) {
  const model::PropertyLimits property_limits;
  Result<NetworkFile> network = ReadNetwork(options.network);
  if (!network.ok()) return network.error();
  Result<std::string> property_bytes = storage::ReadNamedFile(options.property, property_limits.bytes_max);
  if (!property_bytes.ok()) return property_bytes.error();
  Result<model::Property> property = model::ReadVnnlib(*property_bytes, property_limits);
  if (!property.ok()) return Within(options.property, property.error());
  if (Result<void> fits = model::CheckFits(network->network, *property); !fits.ok()) return fits.error();
  Result<checker::Arithmetic> arithmetic = ChooseArithmetic(options, network->network);
  if (!arithmetic.ok()) return arithmetic.error();
  ProofQuestion question{.network = std::move(network->network),
                         .property = std::move(*property),
                         .network_digest = network->digest,
                         .property_digest = crypto::Sha256(*property_bytes),
                         .arithmetic = *arithmetic,
                         .network_bytes = {},
                         .property_bytes = {},
                         .baseline = {},
                         .baseline_digest = {},
                         .within = {}};
  if (!options.workers.empty()) {
    question.network_bytes = std::move(network->bytes);
    question.property_bytes = std::move(*property_bytes);
  }
  if (options.against.empty()) return question;
  if (Result<void> read = ReadDrift(options, question); !read.ok()) return read.error();
  return question;
}

}  // namespace pawl::cli
