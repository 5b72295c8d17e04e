// The leaves of a split tree with their boxes and phases, one after the other, in pre-order.
//
//   BoxWalk walk(root_box, neuron_count, group, depth_max);
//   while (walk.Next()) Use(walk.lower(), walk.upper(), walk.argument());
//   if (walk.error()) ...                    // the tree is not one; what was given before is still covered by nothing
//   covered = walk.finished();               // the leaves given cover the root box
//
// One box is kept and cut on the way down; what a cut replaced is kept on a stack and put back on the way up, so memory
// is in proportion to depth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "checker/certificate.h"
#include "checker/claim.h"
#include "result/result.h"

namespace pawl::checker {

class BoxWalk {
 public:
  // `neurons` operands of ReLUs may be split. Root and proof outlive it.
  BoxWalk(const RootBox& root, std::size_t neurons, const GroupProof& proof, std::uint32_t depth_max);

  // Goes to the next leaf; false at the end and on error.
  bool Next();

  // Of the current leaf; valid until Next is called again.
  const std::vector<double>& lower() const { return lower_; }
  const std::vector<double>& upper() const { return upper_; }
  const std::vector<Phase>& phases() const { return phases_; }  // from the root down
  // Split multipliers: for each member of the group, one for each phase. Empty: all 0.
  std::span<const std::uint8_t> weights() const { return weights_; }
  std::uint32_t argument() const { return argument_; }
  std::uint32_t depth() const { return static_cast<std::uint32_t>(path_.size()); }

  // The whole tree was walked: every subtree is closed and no node is left over.
  bool finished() const { return finished_ && !error_; }
  const std::optional<Error>& error() const { return error_; }

 private:
  struct Cut {
    std::uint32_t input;  // or neuron
    bool of_neuron, in_high_child;
    double value, parent_lower, parent_upper;
  };
  bool Leaf(const Node& leaf);
  bool Descend(const Node& split);
  bool DescendNeuron(std::uint32_t neuron);
  void EnterHighChild(Cut& cut);
  void Leave(const Cut& cut);
  bool Fail(const char* rule, const char* what);

  const GroupProof& proof_;
  std::uint32_t depth_max_, argument_ = 0;
  std::vector<double> lower_, upper_;
  std::vector<Cut> path_;
  std::vector<Phase> phases_;
  std::vector<bool> is_split_;  // neurons on the path
  std::span<const std::uint8_t> weights_;
  std::size_t next_ = 0, next_weight_ = 0;
  bool started_ = false, finished_ = false;
  std::optional<Error> error_;
};

}  // namespace pawl::checker
