// Our reading and reference evaluation against OpenCV's dnn, on random networks and, where PAWL_VNNCOMP_DIR is set, on
// all networks below it. OpenCV sums in an order of its own, so results agree to float32 rounding only.
//
//   model_opencv_test --budget SECONDS --seed N
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <opencv2/dnn.hpp>
#include <optional>
#include <random>
#include <string>

#include "evaluation/reference.h"
#include "model/network.h"
#include "model/random_graph_for_test.h"
#include "model/random_network_for_test.h"
#include "source_directory.h"

namespace pawl::model {
namespace {

constexpr size_t kNetworksMin = 100;

// A whole number after `name` on the command line.
uint64_t Flag(const std::string& name, uint64_t absent) {
  const std::vector<std::string> arguments = testing::internal::GetArgvs();
  for (size_t i = 0; i + 1 < arguments.size(); ++i) {
    if (arguments[i] == name) return std::stoull(arguments[i + 1]);
  }
  return absent;
}

// OpenCV throws; this is the one place that catches.
std::optional<cv::dnn::Net> Import(const std::string& bytes) {
  try {
    cv::dnn::Net net = cv::dnn::readNetFromONNX(bytes.data(), bytes.size());
    net.enableFusion(false);  // node by node, as we do
    return net;
  } catch (const cv::Exception& e) {
    ADD_FAILURE() << "OpenCV does not read the network: " << e.what();
    return std::nullopt;
  }
}

std::vector<float> Forward(cv::dnn::Net& net, const Shape& shape, const std::vector<double>& input) {
  const std::vector<int> sizes(shape.begin(), shape.end());
  cv::Mat blob(sizes, CV_32F);
  for (size_t i = 0; i < input.size(); ++i) blob.ptr<float>()[i] = static_cast<float>(input[i]);
  try {
    net.setInput(blob);
    const cv::Mat output = net.forward();
    const float* begin = output.ptr<float>();
    return std::vector<float>(begin, begin + output.total());
  } catch (const cv::Exception& e) {
    ADD_FAILURE() << "OpenCV does not evaluate the network: " << e.what();
    return {};
  }
}

void Compare(const std::string& bytes, std::mt19937_64& random, const std::string& what) {
  const Result<Network> network = ReadOnnx(onnx::AsBytes(bytes), {});
  ASSERT_TRUE(network.ok()) << what << ": " << network.error().message;
  std::optional<cv::dnn::Net> net = Import(bytes);
  ASSERT_TRUE(net.has_value()) << what;
  for (int repeat = 0; repeat < 3; ++repeat) {
    std::vector<double> input(network->input_size());
    for (double& x : input) x = static_cast<float>(std::uniform_real_distribution<double>(-1, 1)(random));
    const Result<std::vector<double>> ours = evaluation::EvaluateReference(*network, input);
    ASSERT_TRUE(ours.ok());
    const std::vector<float> theirs = Forward(*net, network->input_shape, input);
    ASSERT_EQ(ours->size(), theirs.size()) << what;
    double scale = 1;
    for (const double y : *ours) scale = std::max(scale, std::fabs(y));
    for (size_t i = 0; i < theirs.size(); ++i) {
      EXPECT_NEAR((*ours)[i], static_cast<double>(theirs[i]), 2e-5 * scale) << what << ", output " << i;
    }
  }
}

// What OpenCV also reads: convolutions, pools, normalisation, activations, relabelling.
TEST(OpenCv, AgreesOnRandomGraphs) {
  constexpr size_t kGraphs = 400;
  const uint64_t seed = Flag("--seed", 1);
  for (size_t i = 0; i < kGraphs && !HasFailure(); ++i) {
    onnx::RandomGraph generator(seed * 1'000'003 + i, onnx::Dialect::kOpenCv);
    std::mt19937_64 random(i);
    Compare(generator.Bytes(), random, "graph " + std::to_string(i));
  }
}

TEST(OpenCv, AgreesOnRandomNetworks) {
  const auto start = std::chrono::steady_clock::now();
  const std::chrono::seconds budget(Flag("--budget", 5));
  const uint64_t seed = Flag("--seed", 1);
  size_t networks = 0;
  for (; std::chrono::steady_clock::now() - start < budget; ++networks) {
    onnx::RandomNetwork generator(seed * 1'000'003 + networks, onnx::Variety::kPlain);
    std::mt19937_64 random(networks);
    Compare(generator.Bytes(), random, "network " + std::to_string(networks));
    if (HasFatalFailure() || HasNonfatalFailure()) break;
  }
  std::printf("%zu random networks compared (seed %llu)\n", networks, static_cast<unsigned long long>(seed));
  EXPECT_GE(networks, kNetworksMin);
}

TEST(OpenCv, AgreesOnPublishedNetworks) {
  // The committed corpus always; a directory of published networks besides, where there is one.
  std::vector<std::filesystem::path> files;
  for (const char* name : {"good-random-7.onnx", "good-random-8.onnx", "good-random-9.onnx"}) {
    files.push_back(SourceDirectory() + "/fuzz/corpus/onnx/" + name);
  }
  if (const char* directory = std::getenv("PAWL_VNNCOMP_DIR")) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
      if (entry.path().extension() == ".onnx") files.push_back(entry.path());
    }
  }
  std::mt19937_64 random(1);
  for (const auto& file : files) {
    std::ifstream stream(file, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
    Compare(bytes, random, file.string());
  }
  std::printf("%zu network files compared\n", files.size());
  EXPECT_GE(files.size(), 3u);
}

}  // namespace
}  // namespace pawl::model
