// Searches for a proof or for a counterexample of a property of a network. Untrusted: whatever it finds is confirmed
// before it is returned, a proof by the checker on the certificate's bytes, a counterexample by exact evaluation.
//
//   ProofRequest request;
//   request.network = &network;            // from model::ReadNetwork
//   request.property = &property;          // from model::ReadProperty
//   request.network_digest = ...;          // of the bytes that `network` was read from
//   request.property_digest = ...;
//   request.arithmetic = checker::Arithmetic::kFloat32;
//   request.timeout_ms = 60'000;
//   ProofResult result = Prove(request);
//   if (result.status == ProofStatus::kProven) WriteFile(path, result.certificate);
//
// Method. First a search for counterexamples: projected gradient descent from corners, centres and random points of
// every input box. Then branch and bound over input boxes: linear lower and upper bounds of each neuron as functions of
// the inputs (Zhang et al., "Efficient Neural Network Robustness Certification with General Activation Functions",
// 2018), backward substitution for the rows of the unsafe set (Singh et al., "An Abstract Domain for Certifying Neural
// Networks", 2019), sixteen boxes a SIMD vector, splits on the input with the largest gradient times radius ("smear",
// Kearfott 1996). With 25 inputs or more: hidden bounds and rows by backward substitution with optimised slopes (Xu et
// al., 2021), and branch and bound over the phases of ReLUs (Wang et al., "Beta-CROWN", 2021); see neuron_search.h.
// What is no chain of dense layers and ReLUs, once convolutions are unrolled, is searched with the checker's bounds in
// the same two ways; see graph_search.h.
// Bounds are computed in single precision and are heuristics: each leaf is confirmed by the checker's
// own routine as a step of its own, and split further where the checker does not accept it.
//
// Thread safety: Prove may be called from several threads at once; a request is not changed by it, but for `shared`.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "checker/certificate.h"
#include "model/network.h"
#include "model/property.h"

namespace pawl::prover {

// How far a search is. Called from the thread that called Prove, about four times a second.
struct Progress {
  double seconds = 0;
  std::uint64_t boxes = 0;   // boxes bounded so far
  std::uint64_t open = 0;    // boxes waiting to be bounded
  std::uint64_t leaves = 0;  // boxes proven so far
  double volume_proven = 0;  // share of the input set's volume that the leaves cover, in [0, 1]
};

// Which bounds the hidden layers get in a proof by boxes: recipes 01 and 02 of spec/certificate.md, or whichever seems
// to come cheaper for a box.
enum class RecipeChoice { kAuto, kForward, kBackward };

struct Checkpoint;  // see checkpoint.h
struct Parent;      // see parent.h
class SharedWork;   // see shared_work.h

struct ProofRequest {
  // Both must outlive the call to Prove. Required.
  const model::Network* network = nullptr;
  const model::Property* property = nullptr;
  // SHA-256 of the bytes that network and property were read from; written into the certificate.
  std::array<std::uint8_t, 32> network_digest{};
  std::array<std::uint8_t, 32> property_digest{};
  // What the proof claims: real numbers, or every single (double) precision evaluation in the sense of
  // spec/certificate.md.
  checker::Arithmetic arithmetic = checker::Arithmetic::kReal;
  // Not empty: what is to be proven is the whole envelope with these radii, names increasing; see envelope.h. A
  // counterexample is still one of `network`, the centre: where another network of the envelope alone violates the
  // property, the answer is kUnknown.
  std::vector<checker::TensorRadius> radii;
  // Not null: what is to be proven is drift, that on the property's boxes each output of `network` is within `within`
  // of this network's, instead of the property. It must outlive the call. Not together with radii, a checkpoint or a
  // parent.
  const model::Network* baseline = nullptr;
  std::array<std::uint8_t, 32> baseline_digest{};
  model::Decimal within;  // above 0
  // Wall time until Prove returns; met within a second. 0 means no limit.
  std::uint64_t timeout_ms = 0;
  // Worker threads, at least 1. With one thread the same request gives the same certificate or counterexample, as long
  // as no time limit is reached.
  unsigned threads = 2;
  // Upper limit of the memory that the search tree, open boxes and certificate take.
  std::uint64_t memory_mib_max = 4096;
  // Seed of the search for counterexamples.
  std::uint64_t seed = 1;
  RecipeChoice recipe = RecipeChoice::kAuto;
  // Where to go on from, or null: begin. It was read for this request and outlives the call.
  const Checkpoint* resume = nullptr;
  // A proof of the same property for the network that this one was changed from, to begin with, or null. It was read
  // for this request and outlives the call. Not together with `resume`, which counts alone where both are given.
  const Parent* parent = nullptr;
  // What searches for other properties of the same networks have left and this one goes on with, or null. Networks,
  // baselines included, outlive it. Not for two calls at once.
  SharedWork* shared = nullptr;
  // Whether a search that ends without an answer is to leave a checkpoint. Only chains of affine layers and ReLUs do.
  bool keep_checkpoint = false;
  // May be empty.
  std::function<void(const Progress&)> progress;
  // Stops the search within a second when a stop is requested; the result is then kUnknown, kCancelled.
  std::stop_token cancel;
};

enum class ProofStatus {
  kProven,    // the certificate was accepted by the checker
  kViolated,  // the counterexample was confirmed
  kUnknown,   // neither; see UnknownReason
};

enum class UnknownReason {
  kNone,         // the status is not kUnknown
  kTimeout,      // timeout_ms passed
  kMemory,       // memory_mib_max was reached
  kStuck,        // a box cannot be split any further and is neither proven nor violated in this arithmetic
  kUnsupported,  // no bounds for an operator of this network or for this shape of property; `detail` names it
  kCancelled,    // a stop was requested
};

// An input in the property's input set whose output lies in the unsafe set.
struct Counterexample {
  // One number per network input, in order, each exactly representable in single precision for single precision
  // networks. Every input constraint of one case holds exactly, with no tolerance.
  std::vector<double> inputs;
  // The network's outputs there, evaluated in the reference order in the network's own precision.
  std::vector<double> outputs;
  // Of drift: the baseline's outputs there, likewise.
  std::vector<double> baseline_outputs = {};
  // Which arithmetic the unsafe set is reached in. At least the requested one is true.
  bool violates_float = false;  // the outputs above lie in the unsafe set, or one of them is not finite
  bool violates_real = false;   // the exact real outputs lie in the unsafe set (proven by interval evaluation)
  // Which of the property's cases.
  std::size_t case_index = 0;
};

struct ProofStatistics {
  std::uint64_t boxes = 0;           // boxes bounded
  std::uint64_t leaves = 0;          // leaves of the certificate
  std::uint64_t refused_leaves = 0;  // leaves that the checker did not accept at first and that were split further
  // Where there is a parent: leaves of its proof that were begun with, the leaves of the new proof that they gave as
  // they stood, and of these the ones that stand for two.
  std::uint64_t parent_leaves = 0, kept = 0, merged = 0;
  double seconds = 0;             // wall time of the whole call
  double seconds_confirming = 0;  // thereof spent in the checker's routine, summed over threads
  double best_margin = 0;         // smallest slack reached over all leaves (open boxes count as negative)
};

struct ProofResult {
  ProofStatus status = ProofStatus::kUnknown;
  UnknownReason reason = UnknownReason::kNone;
  std::string detail;                     // one sentence for people; empty unless kUnknown
  std::vector<std::uint8_t> certificate;  // when kProven
  Counterexample counterexample;          // when kViolated
  // When kUnknown, asked for, and the search was cancelled or met a limit: the bytes of a checkpoint.
  std::vector<std::uint8_t> checkpoint;
  ProofStatistics statistics;
};

// Never fails otherwise than by kUnknown. Requires network and property.
ProofResult Prove(const ProofRequest& request);

}  // namespace pawl::prover
