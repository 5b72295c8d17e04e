// A first property for a network that nobody has written one for: its outputs stay within bounds on a box of inputs.
//
//   Result<SampleProperty> sample = MakeSampleProperty(network_bytes);
//   if (sample.ok()) Write("properties/….vnnlib", sample->spec), Write("mutants/….onnx", sample->mutant);
//
// It says little about the world and is a place to start from. Method: outputs at random points of [-1, 1]^n give a
// range, which is widened until the prover shows that the network keeps it. The mutant is the same file with the first
// element of the last layer's bias moved so far that the network leaves the range; all other bytes stay.
//
// Thread safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "result/result.h"

namespace pawl::authoring {

struct SampleProperty {
  std::string spec;        // VNN-LIB
  std::string mutant;      // ONNX; empty where the last layer has no bias that could be moved
  std::string arithmetic;  // "float32" or "real": what the charter's key takes
};

// kUnknown "sample.not-proven" where no range is proven in time, kLimit "sample.too-large" for more than 1,000 inputs,
// else the errors of reading the network.
Result<SampleProperty> MakeSampleProperty(const std::string& network_bytes);

// The model with `delta` added to element 0 of one float initialiser; nothing where there is no such initialiser or its
// numbers are stored one by one.
std::optional<std::string> WithFirstElementMoved(const std::string& model, std::string_view initializer, double delta);

}  // namespace pawl::authoring
