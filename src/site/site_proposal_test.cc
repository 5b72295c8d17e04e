// What the API says of one proposal: its proofs, its networks, what it would allow.
#include <fstream>
#include <map>
#include <sstream>

#include "model/onnx_writer_for_test.h"
#include "site/site_for_test.h"
#include "warrant/property_check.h"

namespace pawl::site {
namespace {

// ---- proofs

// What the command that the page shows would read, put to the same function as it puts it to.
checker::Verdict RunCommand(const std::string& command) {
  std::vector<std::string> words;
  std::istringstream stream(command);
  for (std::string word; stream >> word;) words.push_back(word);
  std::map<std::string, std::string> options;
  for (size_t i = 5; i + 1 < words.size(); i += 2) options[words[i]] = words[i + 1];
  EXPECT_EQ(words[0] + " " + words[1], "pawl-check certificate");
  const auto file = [](const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    EXPECT_TRUE(in) << path;
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const std::string network = file(words[2]), spec = file(words[3]), certificate = file(words[4]);
  const std::string beside = options.contains("--centre")    ? file(options["--centre"])
                             : options.contains("--against") ? file(options["--against"])
                                                             : "";
  warrant::PropertyBytes bytes{network, spec, certificate};
  if (options.contains("--centre")) bytes.centre = beside;
  if (options.contains("--against")) bytes.baseline = beside;
  if (options.contains("--within")) bytes.within_max = *model::Decimal::Parse(options["--within"], 20);
  return warrant::CheckPropertyCertificate(bytes);
}

TEST_F(SiteTest, ShowsTheFactsOfACertificateAndWhoCheckedIt) {
  const Json proofs = Read(Get(kSubject + "/proposals/p3/proofs"))["proofs"];
  ASSERT_EQ(proofs.size(), 1u);
  EXPECT_EQ(proofs[0]["property"], "calm");
  EXPECT_EQ(proofs[0]["counterexample"], nullptr);
  EXPECT_THAT(proofs[0]["words"].dump(), ::testing::HasSubstr("it never happens that"));
  const Json facts = proofs[0]["certificate"];
  EXPECT_EQ(facts["leaves"], 1);
  EXPECT_EQ(facts["depth"], 0);
  EXPECT_EQ(facts["arithmetic"], "float32");
  EXPECT_EQ(facts["envelope"], nullptr);
  EXPECT_EQ(
      facts["bytes"].get<size_t>(),
      std::filesystem::file_size(directory_ / "home/store/blobs/" + facts["digest"].get<std::string>().substr(7, 2) +
                                 "/" + facts["digest"].get<std::string>().substr(7)));
  ASSERT_EQ(facts["checks"].size(), 1u) << "by the one prover whose vote names it";
  EXPECT_EQ(facts["checks"][0]["ms"], 12);
  EXPECT_EQ(facts["checks"][0]["holds"], true);
  EXPECT_TRUE(RunCommand(facts["command"]).proven);
  // A vote of an older version says only that it looked.
  EXPECT_EQ(Read(Get(kSubject + "/proposals/p1/proofs"))["proofs"][0]["certificate"]["checks"], Json::array());
}

TEST_F(SiteTest, ShowsACounterexampleInTheSubjectsOwnUnits) {
  AppendBroken(directory_ / "home", "p4", encoding::CanonicalJson(BrokenDocument()), now_);
  const Json row = Read(Get(kSubject + "/proposals/p4/proofs"))["proofs"][0];
  EXPECT_EQ(row["certificate"], nullptr);
  const Json found = row["counterexample"];
  EXPECT_EQ(found["why_not"], "");
  // The first alternative does not hold; of the second both rows do.
  EXPECT_EQ(found["broken"], Json::array({"heat >= 10 kW", "heat <= cooling (in the network's own scale)"}));
  const Json room = found["inputs"][0], sun = found["inputs"][1];
  EXPECT_EQ(room["name"], "room");
  EXPECT_EQ(room["value"], 20.0);
  EXPECT_EQ(room["words"], "20 °C");
  EXPECT_EQ(room["lower"], 10.0);
  EXPECT_EQ(room["upper"], 30.0);
  EXPECT_EQ(sun["name"], "Sun <b>here</b>");
  EXPECT_EQ(sun["lower"], sun["upper"]);
  const Json heat = found["outputs"][0], cooling = found["outputs"][1];
  EXPECT_EQ(heat["value"], 12.0);
  EXPECT_EQ(heat["unsafe_from"], 10.0);
  EXPECT_EQ(heat["unsafe_to"], nullptr);
  EXPECT_EQ(cooling["involved"], true);
  EXPECT_EQ(cooling["unsafe_from"], nullptr);
}

TEST_F(SiteTest, ShowsDriftBesideTheBaseline) {
  Json document = BrokenDocument();
  document["baseline"] = crypto::Sha256(warrant::TinyNetwork(1)).Text();
  document["baseline_outputs"] = Json::array({"0.1", "8"});
  document["within"] = "0.25";
  AppendBroken(directory_ / "home", "p4", encoding::CanonicalJson(document), now_);
  const Json row = Read(Get(kSubject + "/proposals/p4/proofs"))["proofs"][0];
  EXPECT_EQ(row["kind"], "drift");
  EXPECT_EQ(row["within"], "0.25");
  const Json found = row["counterexample"], heat = found["outputs"][0];
  EXPECT_EQ(found["broken"], Json::array({"heat is more than 0.25 above the baseline's (in the network's own scale)"}));
  EXPECT_EQ(heat["baseline"], 2.0);
  EXPECT_NEAR(heat["unsafe_from"], 7, 1e-9);
  EXPECT_EQ(heat["unsafe_to"], nullptr);
  EXPECT_EQ(found["outputs"][1]["involved"], false);
}

TEST_F(SiteTest, ShowsNoCounterexampleThatIsNotOne) {
  const auto shown = [&](const char* member, const Json& value) {
    static int number = 4;
    Json document = BrokenDocument();
    if (std::string_view(member) == "without") {
      document.erase(value.get<std::string>());
    } else {
      document[member] = value;
    }
    const std::string name = "p" + std::to_string(number++);
    AppendBroken(directory_ / "home", name, encoding::CanonicalJson(document), now_);
    const HttpResponse answer = Get(kSubject + "/proposals/" + name + "/proofs");
    if (answer.status != 200) return RuleOf(answer);
    const Json found = Read(answer)["proofs"][0]["counterexample"];
    return found["why_not"] != "" ? found["why_not"].get<std::string>() : found["broken"].dump();
  };
  const std::string shape = "it is about a network of another shape than the property is";
  EXPECT_EQ(shown("inputs", Json::array({"0.5"})), shape);
  EXPECT_EQ(shown("outputs", Json::array({"0.6", "8", "1"})), shape);
  EXPECT_EQ(shown("inputs", Json::array({"0.5", "not finite"})), shape);
  EXPECT_EQ(shown("inputs", Json::array({"0.9", "0"})), "[]") << "outside the property's box";
  EXPECT_EQ(shown("outputs", Json::array({"0.4", "8"})), "[]") << "not unsafe";
  EXPECT_THAT(shown("outputs", Json::array({"not finite", "8"})), ::testing::Not(::testing::StrEq("[]")));
  EXPECT_EQ(shown("inputs", Json::array({"0.50", "0"})), "json.member-range");
  EXPECT_EQ(shown("inputs", "0.5"), "json.member-type");
  EXPECT_EQ(shown("spec", "sha256:none"), "json.member-range");
  EXPECT_EQ(shown("without", "words"), "json.member-missing");
  EXPECT_EQ(shown("further", 1), "json.member-unknown");
  // Documents of older versions do not name the property's file: it is the charter's, where that fits.
  EXPECT_EQ(shown("without", "spec"), "[]");
  EXPECT_THAT(shown("property", "gone"),
              ::testing::StrEq("[\"heat >= 10 kW\",\"heat <= cooling (in the network's own scale)\"]"));
}

// What a site over a Path's log and store answers.
Json AskOf(const Path& path, const std::string& target) {
  const subject::TemporaryDirectory directory;
  SaveHome(path, directory / "home", path.entries());
  Result<Site> site = Site::Open(*ledger::Home::Open(directory / "home", ledger::HomeAccess::kExisting), {"controller"},
                                 {.names = {"localhost"}, .now_s = [now = path.now] { return now; }});
  EXPECT_TRUE(site.ok());
  const HttpResponse answer = site->Answer({.method = "GET",
                                            .target = "/api/v1/subjects/controller" + target,
                                            .body = {},
                                            .fields = {{"host", "localhost"}}});
  EXPECT_EQ(answer.status, 200u) << answer.body;
  Json json = Json::parse(answer.body);
  // While the files are there: the commands that repeat the checks.
  for (const Json& row : json.value("proofs", Json::array())) {
    EXPECT_TRUE(RunCommand(row["certificate"]["command"]).proven) << row;
  }
  return json;
}

Json ProofsOf(Path path, const crypto::Digest& tree, const warrant::Tampering& tampering) {
  path.Make({.tree = tree}, tampering);
  return AskOf(path, "/proposals/p3/proofs")["proofs"];
}

TEST(SiteProofs, SayHowFarOutOfItsEnvelopeANetworkIs) {
  Path path = Path::WithEnvelopes();
  warrant::Tampering by_envelope;
  by_envelope.candidate = [&](warrant::Candidate& candidate) {
    candidate.certificates[0].certificate =
        *path.store().PutBlob(path.EnvelopeCertificate(warrant::TinyNetwork(1), 1.25));
  };
  const Json facts = ProofsOf(path, path.third, by_envelope)[0]["certificate"];
  const Json envelope = facts["envelope"];
  EXPECT_EQ(envelope["tensors"], 1);
  EXPECT_EQ(envelope["largest"], 1.25);
  EXPECT_EQ(envelope["centre"], crypto::Sha256(warrant::TinyNetwork(1)).Text());
  EXPECT_EQ(envelope["is_centre"], false);
  EXPECT_EQ(envelope["furthest"], 0.8) << "the weights went from 1 to 2";
}

TEST(SiteProofs, SayWhatIsProvenOfDrift) {
  const Path path = Path::WithDrift();
  const Json rows = ProofsOf(path, path.third, {});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["kind"], "property");
  EXPECT_EQ(rows[1]["kind"], "drift");
  EXPECT_EQ(rows[1]["within"], "1.25");
  EXPECT_EQ(rows[1]["certificate"]["within"],
            Json::parse(R"([{"output": "Y_0", "bound": "1.25"}, {"output": "Y_1", "bound": "1.25"}])"));
  EXPECT_EQ(rows[1]["certificate"]["leaves"], 4);
}

// ---- pictures

TEST_F(SiteTest, MapsDecisionsOnlyWhereAPropertySpeaks) {
  const std::string map = kSubject + "/proposals/p3/map";
  const Json found = Read(Get(map + kMapQuery));
  const size_t cells = found["cells"];
  EXPECT_EQ(found["candidate"].size(), cells * cells);
  EXPECT_EQ(found["parent"].size(), cells * cells);
  for (const char* query : {"", "?x=0&y=1", "?network=policy.onnx&property=calm&x=0&y=0&pick=smallest",
                            "?network=policy.onnx&property=calm&x=0&y=1&pick=best",
                            "?network=policy.onnx&property=calm&x=-1&y=1&pick=smallest",
                            "?network=policy.onnx&property=calm&x=0&y=1&pick=smallest&x=2",
                            "?network=%00&property=calm&x=0&y=1&pick=smallest",
                            "?network=policy.onnx&property=calm&x=0&y=1&pick=smallest&more=1"}) {
    EXPECT_EQ(RuleOf(Get(map + query)), "site.query") << query;
  }
  for (const char* query : {"?network=policy.onnx&property=none&x=0&y=1&pick=smallest",
                            "?network=..%2Fkeys&property=calm&x=0&y=1&pick=smallest",
                            "?network=policy.onnx&property=calm&x=0&y=900&pick=smallest"}) {
    EXPECT_EQ(RuleOf(Get(map + query)), "site.no-map") << query;
  }
}

TEST_F(SiteTest, ShowsHowFarTheWeightsOfALayerMoved) {
  const Json networks = Read(Get(kSubject + "/proposals/p3/networks"))["networks"];
  ASSERT_EQ(networks.size(), 1u);
  EXPECT_EQ(networks[0]["path"], "policy.onnx");
  EXPECT_EQ(networks[0]["same_shape"], true);
  const Json& moved = networks[0]["candidate"]["layers"][0]["moved"];
  EXPECT_GT(moved["changed"].get<int>(), 0);
  EXPECT_GT(moved["largest"].get<double>(), 0);
  EXPECT_EQ(moved["blocks"].size(), moved["rows"].get<size_t>() * moved["columns"].get<size_t>());
}

// A convolution with two kernels of 2 by 2 over a picture of 3 by 3, a normalization, a constant, and an activation
// whose slope is a setting and no weight.
std::string PictureNetwork(float changed, float slope) {
  namespace onnx = model::onnx;
  return onnx::Model(onnx::Graph(
      {onnx::Node("Conv", {"x", "K", "B"}, {"a"}),
       onnx::Node("BatchNormalization", {"a", "scale", "shift", "mean", "variance"}, {"b"}),
       onnx::Node("Add", {"b", "C"}, {"c"}),
       onnx::Node("LeakyRelu", {"c"}, {"y"}, {onnx::FloatAttribute("alpha", slope)})},
      {onnx::Tensor<float>("K", {2, 1, 2, 2}, {1, 2, 3, 4, 5, 6, changed, 8}), onnx::Tensor<float>("B", {2}, {0, 0}),
       onnx::Tensor<float>("scale", {2}, {1, 1}), onnx::Tensor<float>("shift", {2}, {0, 0}),
       onnx::Tensor<float>("mean", {2}, {0, changed}), onnx::Tensor<float>("variance", {2}, {1, 1}),
       onnx::Tensor<float>("C", {1, 2, 2, 2}, {1, 1, 1, 1, 1, 1, 1, changed})},
      {onnx::Value("x", {1, 1, 3, 3})}, {onnx::Value("y", {1, 2, 2, 2})}));
}

TEST(SiteNetworks, ShowWhereLayersOfEveryKindMovedAndWhatIsNoWeight) {
  Path path = Path::OfItsOwn([](charter::TestCharter& test) {
    test.Append(
        "\n[[surface]]\npath = \"eye.onnx\"\nkind = \"network\"\nmay_add = true\nmax_parameters = 100\n"
        "operators = [\"Conv\", \"BatchNormalization\", \"Add\", \"LeakyRelu\"]\n");
  });
  const crypto::Digest certificate = *path.store().PutBlob(path.Certificate(warrant::TinyNetwork(1.5)));
  warrant::Tampering named;
  named.candidate = [&](warrant::Candidate& candidate) {
    candidate.certificates = {{"calm", crypto::Sha256(warrant::TinyNetwork(1.5)), certificate}};
  };
  const auto tree = [&](float changed, float slope) {
    return path.PutTree({{"policy.onnx", warrant::TinyNetwork(1.5)},
                         {"improver/improve.py", "pass\n"},
                         {"eye.onnx", PictureNetwork(changed, slope)}});
  };
  path.Go({.tree = tree(7, 0.25)}, named);
  path.Make({.tree = tree(9, 0.5)}, named);
  const Json networks = AskOf(path, "/proposals/p4/networks")["networks"];
  ASSERT_EQ(networks.size(), 1u);
  EXPECT_EQ(networks[0]["why_not"], "");
  EXPECT_EQ(networks[0]["same_shape"], true);
  std::map<std::string, Json> layers;
  for (const Json& layer : networks[0]["candidate"]["layers"]) layers[layer["kind"]] = layer;
  const Json convolution = layers["convolution"]["moved"];
  EXPECT_EQ(convolution["changed"], 1);
  EXPECT_EQ(convolution["rows"], 2);
  EXPECT_EQ(convolution["columns"], 4);
  EXPECT_EQ(convolution["blocks"], Json::parse("[0, 0, 0, 0, 0, 0, 2, 0]"));
  const Json normalization = layers["normalization"]["moved"];
  EXPECT_EQ(normalization["rows"], 4) << "scale, bias, mean, variance";
  EXPECT_EQ(normalization["blocks"], Json::parse("[0, 0, 0, 0, 0, 2, 0, 0]"));
  const Json constant = layers["elementwise"]["moved"];
  EXPECT_EQ(constant["rows"], 1);
  EXPECT_EQ(constant["blocks"], Json::parse("[0, 0, 0, 0, 0, 0, 0, 2]"));
  EXPECT_EQ(layers["convolution"]["other_settings"], false);
  EXPECT_EQ(layers["activation"]["other_settings"], true);
}

TEST_F(SiteTest, SaysWhatAnAmendmentLoosens) {
  EXPECT_EQ(RuleOf(Get(kSubject + "/proposals/p3/charter")), "site.no-amendment");
  Amend();
  const Json changes = Read(Get(kSubject + "/proposals/p4/charter"))["changes"];
  const Json step = {
      {"what", "largest step in capability"}, {"before", "0.02"}, {"after", "0.05"}, {"effect", "loosens"}};
  EXPECT_NE(std::find(changes.begin(), changes.end(), step), changes.end()) << changes;
}

}  // namespace
}  // namespace pawl::site
