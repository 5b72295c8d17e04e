// What the page draws, as numbers and with words for whoever sees no picture: a subject's life, what changed in each
// layer of a network, and what parent and candidate decide over two chosen inputs.
//
//   Result<Json> life = LifeView(log);                          // as `pawl report` draws it
//   Result<Json> networks = NetworksView(log, *proposal);       // layers, and how far their weights moved
//   Result<Json> map = DecisionMapView(log, *proposal,
//   *ReadMapQuery("network=policy.onnx&property=p&x=0&y=3&pick=smallest"));
//
// Nothing here decides anything, and nothing is proven by it: a map is a grid of single evaluations.
//
// Thread safety: as the log's. Time: a map takes at most kMapProductsMax products, a life about 0.1 ms a trial.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "encoding/json.h"
#include "ledger/subject_log.h"
#include "result/result.h"

namespace pawl::site {

inline constexpr size_t kLifePointsMax = 400;  // the latest of a series
inline constexpr size_t kNetworksMax = 4;      // of a proposal
inline constexpr size_t kLayersMax = 200;      // of a network
inline constexpr uint64_t kPictureNetworkBytesMax = uint64_t{4} << 20;
inline constexpr size_t kMapCellsMax = 48;  // a side
inline constexpr uint64_t kMapProductsMax = 60'000'000;

// {"pictures": […]}: report::LifePictures as numbers, each with its description.
Result<encoding::Json> LifeView(const ledger::SubjectLog& log);

// {"networks": […]}: each network that the proposal changes, with the layers of parent and candidate and, where both
// have the same shape, how far the weights of each moved. A network that is too large is named without layers.
Result<encoding::Json> NetworksView(const ledger::SubjectLog& log, const audit::ProposalHistory& proposal);

enum class Pick { kSmallest, kLargest };  // which output is the decision

struct MapQuery {
  std::string network;
  std::string property;  // whose box says where the other inputs stand: in its middle
  size_t x = 0;
  size_t y = 1;
  Pick pick = Pick::kSmallest;
};

// Usage "site.query".
Result<MapQuery> ReadMapQuery(std::string_view query);

// The decisions of parent and candidate on a grid over inputs x and y: the property's box with twice its width on each
// side, as far as any property of this network speaks. kNotFound "site.no-map": no such property, network or input;
// kLimit "site.map-too-large": a network whose map would take too long.
Result<encoding::Json> DecisionMapView(const ledger::SubjectLog& log, const audit::ProposalHistory& proposal,
                                       const MapQuery& query);

// {"changes", "words"}: what an amendment loosens and tightens (authoring/charter_changes.h). kNotFound
// "site.no-amendment".
Result<encoding::Json> CharterChangesView(const ledger::SubjectLog& log, const audit::ProposalHistory& proposal);

}  // namespace pawl::site
